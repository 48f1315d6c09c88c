"""What starts and stops agents: it places and kills, it never retries."""

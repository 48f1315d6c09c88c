"""Pages that a function of the user draws, in a server that is a process of its own."""

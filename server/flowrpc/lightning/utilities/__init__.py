"""Small things that apps imported."""

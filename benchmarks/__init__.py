"""Measurements of flowrpc, told as ratios to what the machine could do without it."""

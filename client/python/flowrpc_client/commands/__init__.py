"""The commands of `flowctl` that need nothing but a client."""

"""Plain values to messages and back, errors to google.rpc.Status and back."""

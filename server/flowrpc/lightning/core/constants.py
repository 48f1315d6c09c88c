"""Where apps were served. Theirs is told when they start, `flowctl ps --json` lists it."""

__all__ = ["APP_SERVER_HOST", "APP_SERVER_PORT"]

APP_SERVER_HOST = "127.0.0.1"
"""The host; only this machine reaches it."""
APP_SERVER_PORT = 7501
"""The port that apps had by default. `flowctl run --http 127.0.0.1:7501` takes it; otherwise a free one is taken."""

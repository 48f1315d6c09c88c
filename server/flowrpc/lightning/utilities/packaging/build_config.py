"""What a work needs installed."""

from flowrpc.component import BuildConfig

__all__ = ["BuildConfig"]

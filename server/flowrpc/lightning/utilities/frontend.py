"""What an app says about itself."""

from flowrpc.component import AppInfo

__all__ = ["AppInfo"]

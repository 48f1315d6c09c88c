"""What an app says about itself."""

from flowrpc.component.app_info import AppInfo

__all__ = ["AppInfo"]

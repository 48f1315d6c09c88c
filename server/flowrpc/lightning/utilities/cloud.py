"""Where the app runs."""

__all__ = ["is_running_in_cloud"]


def is_running_in_cloud() -> bool:
    """Tells whether the app runs in the cloud that apps for Lightning knew: never."""
    return False

"""What a work needs of a machine."""

from flowrpc.component import CloudCompute

__all__ = ["CloudCompute"]

"""Patches of methods while a script runs."""

from flowrpc.components import Tracer

__all__ = ["Tracer"]

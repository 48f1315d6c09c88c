"""What clients that `flowctl client generate --lang python` makes are made with."""

from __future__ import annotations

from flowrpc_client.stream import Stream as Stream
from flowrpc_client.typed.contract import Contract as Contract
from flowrpc_client.typed.message import ABSENT as ABSENT
from flowrpc_client.typed.message import Message as Message
from flowrpc_client.typed.service import Service as Service
from flowrpc_client.typed.state_watch import StateWatch as StateWatch

__all__ = ["ABSENT", "Contract", "Message", "Service", "StateWatch", "Stream"]

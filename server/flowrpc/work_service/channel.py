"""The channel from an agent to its flow."""

from __future__ import annotations

from pathlib import Path

import grpc
from grpc import aio

from flowrpc.errors import StartError
from flowrpc.wire.sizes import MAX_MESSAGE_BYTES

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", 1_000),
    ("grpc.http2.ping_timeout_ms", 1_500),  # keepalive_timeout_ms does nothing
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.use_local_subchannel_pool", 1),  # a new channel dials at once: the agent has a back-off of its own
    ("grpc.enable_http_proxy", 0),
)


def open_channel(address: str, tls_ca: Path | None) -> aio.Channel:
    """Opens a channel, with TLS if a file of root certificates is given.

    Raises:
        StartError: The file cannot be read.
    """
    if tls_ca is None:
        return aio.insecure_channel(address, options=_OPTIONS)
    credentials = grpc.ssl_channel_credentials(read_file(tls_ca, "root certificates"))
    return aio.secure_channel(address, credentials, options=_OPTIONS)


def read_token(path: Path) -> str:
    """Reads a token.

    Raises:
        StartError: The file cannot be read, or holds no token.
    """
    token = read_file(path, "token").decode("ascii", "replace").strip()
    if not token.isprintable() or not token.isascii() or not token:
        raise StartError(f"{path}: holds no token; copy the token file of the app that should be served")
    return token


def read_file(path: Path, what: str) -> bytes:
    """Reads a file that an option names.

    Raises:
        StartError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartError(f"{path}: cannot read the {what}: {error.strerror}") from error

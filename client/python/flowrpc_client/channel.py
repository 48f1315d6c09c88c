"""Channels to flow services: options, deadlines, retries and the token."""

from __future__ import annotations

import json
from typing import Any

import grpc

from flowrpc_client.errors import NotReachableError
from flowrpc_client.target import Target

MAX_RECEIVE_BYTES = 64 * 1024 * 1024
"""A state that is larger than this is followed with a watch, which sends it in parts."""

_SERVICE = "flowrpc.v1.FlowService"

_READING_METHODS = (
    "GetApp",
    "GetState",
    "WatchState",
    "ListCommands",
    "ListWorks",
    "ListAgents",
    "ListRuns",
    "CancelRun",
    "DrainAgent",
    "StreamLogs",
)
"""Methods that may be repeated without asking.

Commands and updates are not here: the client repeats them itself, for longer and under one request id.
"""

_RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.05s",
    "maxBackoff": "0.5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}

_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": _SERVICE, "method": method} for method in _READING_METHODS],
            "retryPolicy": _RETRY_POLICY,
        }
    ]
}

# `grpc.keepalive_timeout_ms` has no effect: a frozen service is noticed by the ping timeout.
_OPTIONS: dict[str, str | int] = {
    "grpc.max_receive_message_length": MAX_RECEIVE_BYTES,
    "grpc.max_send_message_length": MAX_RECEIVE_BYTES,
    "grpc.keepalive_time_ms": 5_000,
    "grpc.http2.ping_timeout_ms": 2_000,
    "grpc.http2.max_pings_without_data": 0,
    # A service that is started again is tried soon, not after two minutes,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    # and by a new client at once, whoever else has dialled in vain.
    "grpc.use_local_subchannel_pool": 1,
    # No back-off, whatever it is called: how long one attempt to connect may take.
    "grpc.min_reconnect_backoff_ms": 5_000,
    "grpc.enable_retries": 1,
    "grpc.service_config": json.dumps(_SERVICE_CONFIG),
    "grpc.primary_user_agent": "flowrpc-client",
}


def open_channel(target: Target) -> grpc.Channel:
    """Opens a channel; encrypted if the target names certificates.

    Raises:
        NotReachableError: the certificates cannot be read.
    """
    options = dict(_OPTIONS)
    if target.loopback:
        # A proxy of the environment must see neither these calls nor their token.
        options["grpc.enable_http_proxy"] = 0
    if target.tls_ca is None:
        return grpc.insecure_channel(target.address, options=list(options.items()))
    return grpc.secure_channel(target.address, _credentials(target), options=list(options.items()))


def call_metadata(target: Target) -> tuple[tuple[str, str], ...]:
    """Returns what every call carries: the token, if there is one.

    Raises:
        NotReachableError: the token may not be sent there, or its file cannot be used.
    """
    token = target.token()
    return (("authorization", f"Bearer {token}"),) if token else ()


def _credentials(target: Target) -> Any:
    assert target.tls_ca is not None
    try:
        return grpc.ssl_channel_credentials(root_certificates=target.tls_ca.read_bytes())
    except OSError as error:
        raise NotReachableError(f"{target.tls_ca}: {error.strerror}; --tls-ca names a PEM file") from None

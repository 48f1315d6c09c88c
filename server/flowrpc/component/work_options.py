"""What the constructor of a work is given, checked where it is written rather than where it is used."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flowrpc.component.retry import Retry


def check_endpoint(place: str, host: Any, port: Any) -> None:
    """Refuses what no server could listen on.

    Raises:
        TypeError: The host is no text, the port no int.
        ValueError: There is no such port.
    """
    if not isinstance(host, str):
        raise TypeError(f"{place}: host={host!r} is no text; write an address such as '127.0.0.1'")
    if port is not None and (isinstance(port, bool) or not isinstance(port, int)):
        raise TypeError(f"{place}: port={port!r} is no int; choose 1 to 65535, or None for a free one")
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"{place}: port={port} is none; choose 1 to 65535, or None for a free one")


def check_attempts(place: str, retry: Any, timeout: Any, orphan_grace: Any) -> None:
    """Refuses what no attempt could be made by.

    Raises:
        TypeError: The retry is no Retry, a time no timedelta.
        ValueError: A time is negative, or there is none for an attempt.
    """
    if retry is not None and not isinstance(retry, Retry):
        raise TypeError(f"{place}: retry={retry!r} is no Retry; write Retry(attempts={retry!r})")
    if timeout is not None:
        _check_time(place, "timeout", timeout)
        if not timeout:
            raise ValueError(
                f"{place}: timeout={timeout!r} leaves no time; leave it out for as long as it takes"
            )
    _check_time(place, "orphan_grace", orphan_grace)


def check_resume(place: str, resume: Any) -> None:
    """Refuses what is neither yes nor no.

    Raises:
        TypeError: It is no bool.
    """
    if not isinstance(resume, bool):
        raise TypeError(f"{place}: resume={resume!r} is no bool; write True or False")


def _check_time(place: str, name: str, value: Any) -> None:
    if not isinstance(value, timedelta):
        raise TypeError(f"{place}: {name}={value!r} is no timedelta; write timedelta(seconds={value!r})")
    if value < timedelta(0):
        raise ValueError(f"{place}: {name}={value!r} is negative")

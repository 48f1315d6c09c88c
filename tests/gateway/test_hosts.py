"""Host names that are answered to, and origins that may ask for more than reads."""

from __future__ import annotations

import pytest
from flowrpc.errors import CallError
from flowrpc.gateway.access import KEPT, Access
from flowrpc.gateway.hosts import Hosts, check_origin


@pytest.mark.parametrize(
    ("bound", "name"),
    [
        ("127.0.0.1", "localhost"),
        ("127.0.0.1", "127.0.0.1:80"),
        ("127.0.0.1", "[::1]:80"),
        ("[::1]", "[::1]"),
        ("[::1]", "localhost:1"),
        ("0.0.0.0", "192.168.1.7:80"),
        ("[::]", "[fe80::1]:80"),
        ("shop.example", "SHOP.example:443"),
        ("127.0.0.1", "more.example"),
    ],
)
def test_a_host_is_known_by_its_names(bound: str, name: str) -> None:
    Hosts(bound, ["more.example"]).check(name)


@pytest.mark.parametrize(
    ("bound", "name"),
    [
        ("127.0.0.1", "evil.example"),
        ("127.0.0.1", "192.168.1.7"),
        ("127.0.0.1", ""),
        ("127.0.0.1", "localhost.evil.example"),
        ("0.0.0.0", "evil.example"),
        ("shop.example", "localhost"),
        ("192.168.1.7", "192.168.1.8"),
    ],
)
def test_other_names_are_refused(bound: str, name: str) -> None:
    with pytest.raises(CallError, match="does not answer to the host name"):
        Hosts(bound).check(name)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("", "localhost:1"),
        ("http://localhost:1", "localhost:1"),
        ("http://LOCALHOST:1", "localhost:1"),
        ("https://shop.example", "shop.example"),
        ("https://shop.example", "shop.example:443"),
        ("http://[::1]:7", "[::1]:7"),
    ],
)
def test_an_origin_of_the_app_is_let_through(origin: str, host: str) -> None:
    check_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("null", "localhost:1"),
        ("http://localhost:2", "localhost:1"),
        ("http://127.0.0.1:1", "localhost:1"),
        ("ftp://localhost:1", "localhost:1"),
        ("http://localhost:1.evil.example", "localhost:1"),
        ("http://localhost:1@evil.example", "localhost:1"),
        ("http://evil.example", "localhost:1"),
        ("http://[::1]:8", "[::1]:7"),
        ("://localhost:1", "localhost:1"),
    ],
)
def test_another_origin_is_refused(origin: str, host: str) -> None:
    with pytest.raises(CallError, match="only its own pages may"):
        check_origin(origin, host)


def access() -> Access:
    return Access({"read": "r" * 40, "admin": "a" * 40}, "flowrpc-1")


def test_a_link_works_once() -> None:
    known = access()
    key = known.new_link_key()

    login = known.log_in(key)

    assert login is not None
    assert known.role("", f"other=1; flowrpc-1={login}") == "call"
    assert known.log_in(key) is None
    assert known.log_in("") is None


def test_what_nobody_uses_is_forgotten() -> None:
    known = access()
    first = known.new_link_key()
    for _ in range(KEPT):
        known.new_link_key()
    assert known.log_in(first) is None


@pytest.mark.parametrize("cookies", ["", "flowrpc-1=", "flowrpc-2=x", "=;=;", "flowrpc-1=\x00", "a" * 10_000])
def test_a_stranger_has_no_role(cookies: str) -> None:
    assert access().role("", cookies) is None


def test_a_token_tells_the_role() -> None:
    assert access().role(f"Bearer {'r' * 40}", "") == "read"
    assert access().role(f"bearer  {'a' * 40} ", "") == "admin"
    with pytest.raises(CallError, match="not one of this app's"):
        access().role("Bearer x", "")

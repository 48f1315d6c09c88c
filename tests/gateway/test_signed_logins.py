"""Logins that the browser keeps, and what somebody could make of one."""

from __future__ import annotations

import pytest
from flowrpc.gateway.access import LOGIN_SECONDS, Access

TOKENS = {"call": "c" * 40, "admin": "a" * 40}


def access(cookie: str = "flowrpc-1", now: float = 1_000.0, **tokens: str) -> Access:
    return Access({**TOKENS, **tokens}, cookie, lambda: now)


def log_in(known: Access) -> str:
    login = known.log_in(known.new_link_key())
    assert login is not None
    return login


def test_a_login_is_good_in_the_next_life_of_the_app() -> None:
    login = log_in(access())
    assert access().role("", f"flowrpc-1={login}") == "call"
    assert log_in(access()) != login


def test_a_login_ends() -> None:
    login = log_in(access())
    assert access(now=999.0 + LOGIN_SECONDS).role("", f"flowrpc-1={login}") == "call"
    assert access(now=1_000.0 + LOGIN_SECONDS).role("", f"flowrpc-1={login}") is None


def test_new_tokens_end_all_logins() -> None:
    assert access(call="d" * 40).role("", f"flowrpc-1={log_in(access())}") is None


def test_a_login_of_one_app_is_none_of_another_with_the_same_tokens() -> None:
    assert access("flowrpc-2").role("", f"flowrpc-2={log_in(access())}") is None


@pytest.mark.parametrize("change", [("call.", "admin."), (".6", ".9"), (".", "")])
def test_a_login_that_somebody_changed_is_none(change: tuple[str, str]) -> None:
    login = log_in(access())
    changed = login.replace(*change, 1)
    assert changed != login
    assert access().role("", f"flowrpc-1={changed}") is None

"""Watches web addresses: a command adds a work that asks one again and again, another command takes it away."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flowrpc import Dict, LightningApp, LightningFlow, LightningWork

TIMEOUT_SECONDS = 5.0


class Probe(LightningWork):
    """Asks one address until it is stopped."""

    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.up: bool | None = None
        self.problem = ""
        self.asked = 0
        self.failed = 0

    def run(self, url: str, every_seconds: float) -> None:
        while True:
            problem = ask(url)
            if problem:
                self.failed += 1
            self.up, self.problem = not problem, problem
            self.asked += 1
            time.sleep(every_seconds)  # stopping the work ends it here, too


class Uptime(LightningFlow):
    """Has a probe for each address, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.probes = Dict()
        self.watched: dict[str, dict[str, Any]] = {}
        self.down: list[str] = []

    def run(self) -> None:
        for name, probe in self.probes.items():
            probe.run(**self.watched[name])
        self.down = sorted(name for name, probe in self.probes.items() if probe.up is False)

    def watch(self, name: str, url: str, every_seconds: float = 30.0) -> int:
        """Watches an address from now on; returns how many there are."""
        if name in self.probes:
            raise ValueError(f"{name} is watched already, at {self.watched[name]['url']}; unwatch it first")
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"{url} is no address; it begins with http:// or https://")
        if every_seconds <= 0:
            raise ValueError(f"every_seconds is positive, not {every_seconds:g}")
        self.watched[name] = {"url": url, "every_seconds": every_seconds}
        self.probes[name] = Probe()
        return len(self.probes)

    def unwatch(self, name: str) -> dict[str, int]:
        """Watches an address no more; returns what was seen of it."""
        if name not in self.probes:
            raise ValueError(f"{name} is not watched; there is {', '.join(self.probes) or 'nothing'}")
        probe = self.probes.pop(name)  # its process ends, and its state goes
        del self.watched[name]
        return {"asked": probe.asked, "failed": probe.failed}

    def configure_commands(self) -> dict[str, Callable[..., Any]]:
        return {"watch": self.watch, "unwatch": self.unwatch}


def ask(url: str) -> str:
    """Asks an address; returns what is wrong with it, or nothing."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        return f"answered {error.code}"
    except OSError as error:
        return str(error)
    return ""


app = LightningApp(Uptime())

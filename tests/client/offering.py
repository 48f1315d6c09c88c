"""Sources of client parts, honest and malicious, and a fake service that offers them."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowrpc.protocol.answers import ClientPartInfo, CommandInfo, CommandSource, ParameterInfo

from tests.client.fake_service import COMMANDS, FakeService

HONEST = """
    from __future__ import annotations

    from dataclasses import dataclass

    from flowrpc import ClientCommand


    @dataclass
    class Config:
        text: str


    class Submit(ClientCommand):
        made = 0

        def __init__(self, method):
            super().__init__(method)
            Submit.made += 1

        def run(self, text: str, times: int = 1) -> object:
            answer = self.invoke_handler(text=Config(text * times).text)
            return {"answer": answer, "app": self.app_address, "made": Submit.made, "module": __name__}
"""


def malicious(marker: Path) -> str:
    """Makes a source that tells by a file that any of it was executed."""
    return f"""
    import pathlib

    pathlib.Path({str(marker)!r}).touch()

    from flowrpc import ClientCommand


    class Submit(ClientCommand):
        def run(self, text: str = "") -> None:
            print("ran")
    """


def source_of(text: str, command: str = "submit", class_name: str = "Submit") -> CommandSource:
    """Makes a source of indented text."""
    content = textwrap.dedent(text).encode("utf-8", "surrogateescape")
    return CommandSource(command=command, class_name=class_name, file_name="app.py", source=content)


def info_of(source: CommandSource) -> CommandInfo:
    """Makes what an honest app lists of a source."""
    text = ParameterInfo(name="text", annotation="str", required=True)
    return CommandInfo(
        name=source.command,
        flow="root",
        help="Takes a text.",
        parameters=(text,),
        client_part=ClientPartInfo(
            class_name=source.class_name,
            help="Submits a text.",
            parameters=(text, ParameterInfo(name="times", annotation="int", required=False, default=1)),
            source_sha256=source.sha256,
        ),
    )


class Offering:
    """Offers a source of a client part, or another one."""

    def __init__(self, service: FakeService) -> None:
        self.service = service

    def offer(self, source: CommandSource) -> CommandSource:
        """Lists a source and gives it."""
        self.give(source)
        COMMANDS[source.command] = info_of(source)
        return source

    def give(self, source: CommandSource, asked: str = "") -> None:
        """Gives a source, whatever is listed."""
        self.service.sources[asked or source.command] = source

    def list_as(self, command: str, **facts: Any) -> None:
        """Lists a client part with other facts."""
        info = COMMANDS[command]
        assert info.client_part is not None
        COMMANDS[command] = replace(info, client_part=replace(info.client_part, **facts))

"""What a web server's log says: one work makes a table of it, another one counts, and the table is handed over."""

import csv
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import flowrpc.lightning as L  # noqa: N812  # the name that apps for Lightning have for it
from flowrpc.lightning.runners import MultiProcessRuntime
from flowrpc.lightning.storage import Path

# 203.0.113.9 - - [10/May/2026:09:00:01 +0000] "GET /tea HTTP/1.1" 200 512
LINE = re.compile(r'\S+ \S+ \S+ \[[^]]*\] "[A-Z]+ (?P<page>\S+)[^"]*" (?P<status>\d{3}) (?P<size>\d+|-)')
SHOWN = 5


class Extract(L.LightningWork):
    """Makes a table of a log, and counts the lines that it cannot read."""

    def __init__(self) -> None:
        super().__init__(raise_exception=False)
        self.table = Path("requests.csv")
        self.unreadable = 0

    def run(self, log: str, reading: int) -> None:
        unreadable = 0
        with open(log, errors="replace") as lines, self.table.open("w", newline="") as table:  # noqa: PTH123
            writer = csv.writer(table)
            for line in lines:
                found = LINE.match(line)
                if found is None:
                    unreadable += 1
                else:
                    writer.writerow(found.group("page", "status", "size"))
        self.unreadable = unreadable


class Summarise(L.LightningWork):
    """Counts what is in a table."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self.bytes = 0
        self.pages: dict[str, int] = {}
        self.errors: dict[str, int] = {}

    def run(self, table: Path, reading: int) -> None:
        with table.open(newline="") as rows:  # it is here, on whatever host this is
            found = [(page, status, size) for page, status, size in csv.reader(rows)]
        self.requests = len(found)
        self.bytes = sum(int(size) for _, _, size in found if size != "-")
        self.pages = dict(Counter(page for page, _, _ in found).most_common(SHOWN))
        self.errors = dict(Counter(status for _, status, _ in found if status >= "400"))


class AccessLog(L.LightningFlow):
    """Reads a log whenever it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.extract = Extract()
        self.summarise = Summarise()
        self.log = ""
        self.reading = 0  # the number of a reading is an argument of the works: the same log is read again
        self.read = 0
        self.problem = ""

    def run(self) -> None:
        if self.reading == self.read:
            return
        self.extract.run(self.log, self.reading)  # waits here, and begins again at the top when it has ended
        if self.extract.has_failed:
            self.problem = self.extract.status.message.strip().rpartition("\n")[2]
        else:
            self.summarise.run(self.extract.table, self.reading)
            self.problem = ""
        self.read = self.reading

    def read_log(self, log: str) -> int:
        """Begins to read a log; returns the number of the reading."""
        if self.reading != self.read:
            raise RuntimeError(f"still reading {self.log}; call again later")
        self.log = log
        self.reading += 1
        return self.reading

    def report(self) -> dict[str, Any]:
        """Tells what is in the log that was read last."""
        if self.problem or not self.read:
            raise RuntimeError(self.problem or "nothing was read yet; call read_log first")
        counted = self.summarise
        return {
            "log": self.log,
            "requests": counted.requests,
            "bytes": counted.bytes,
            "pages": counted.pages,
            "errors": counted.errors,
            "unreadable": self.extract.unreadable,
        }

    def configure_commands(self) -> list[dict[str, Callable[..., Any]]]:
        return [{"read_log": self.read_log}, {"report": self.report}]


app = L.LightningApp(AccessLog())

if __name__ == "__main__":
    MultiProcessRuntime(app).dispatch()

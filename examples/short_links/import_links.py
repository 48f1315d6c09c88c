"""The part of a command that runs at the client: it reads a file there."""

import csv
from pathlib import Path
from typing import Any

from flowrpc import ClientCommand


class ImportLinks(ClientCommand):
    """Adds the links of a CSV file at the client, with the columns slug and url: all or none."""

    def run(self, path: Path) -> Any:
        with path.open(newline="") as lines:
            links = list(csv.DictReader(lines))
        wrong = [number for number, link in enumerate(links, start=2) if set(link) != {"slug", "url"}]
        if wrong or not links:
            raise ValueError(f"{path}, line {wrong[0] if wrong else 1}: the columns are slug,url")
        return self.invoke_handler(links=links)

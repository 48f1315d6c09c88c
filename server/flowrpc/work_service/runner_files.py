"""Where a runner has its files, and the app's storage: what an agent tells it when it starts it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from flowrpc.storage.depot import Depot
from flowrpc.storage.exchange import Exchange
from flowrpc.storage.process import enter_work
from flowrpc.storage.workspace import Workspace, workspace_root


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerFiles:
    """What a runner is told of files."""

    folder: Path
    """Where the works of the agent have their files."""
    journal_id: str
    storage_url: str
    """Where the app's storage is; empty if the flow told of none."""

    def arguments(self) -> list[str]:
        """Writes them for a command line."""
        return [
            "--files-dir",
            str(self.folder),
            "--journal-id",
            self.journal_id,
            "--storage",
            self.storage_url,
        ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `RunnerFiles.arguments` writes."""
    parser.add_argument("--files-dir", type=Path, help="where the works of the agent have their files")
    parser.add_argument("--journal-id", default="", help="the journal of the app")
    parser.add_argument("--storage", default="", help="URL of the app's storage")


def enter(options: argparse.Namespace) -> None:
    """Makes this process the work's as far as files go, before any path is made in it."""
    if options.files_dir is None:
        return
    workspace = Workspace(workspace_root(options.files_dir, options.journal_id, options.work), options.work)
    depot = Depot(options.storage, options.journal_id) if options.storage else None
    enter_work(Exchange(work=options.work, workspace=workspace, depot=depot))

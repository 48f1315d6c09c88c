"""Starting again on a large journal."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from flowrpc.store import SQLiteStore

from benchmarks.harness import Block, Result, Settings, alternate, at_most, p50, ratio
from benchmarks.journals import write_bytes, write_revisions
from benchmarks.processes import flow_service

GIGABYTE = 1 << 30
REVISIONS = 10_000


def measure(settings: Settings) -> Iterator[Result]:
    """Writes the journals, then starts on each in turns with what it is compared with."""
    with tempfile.TemporaryDirectory(dir=settings.directory) as scratch:
        yield from _large_state(settings, Path(scratch, "many"))
        for pruned in (True, False):
            yield _gigabyte(settings, Path(scratch, f"pruned-{pruned}"), pruned=pruned)


def _large_state(settings: Settings, data_dir: Path) -> Iterator[Result]:
    """Recovers 100,000 vars and replays 10,000 revisions after the snapshot."""
    _begin("many_vars", data_dir, settings)
    write_revisions(data_dir, REVISIONS)
    blocks = settings.choose(9, 3)
    sides: dict[str, Callable[[], Block]] = {"grpc": _import_grpc, "open": lambda: [_open(data_dir)]}
    took = alternate(sides, blocks=blocks)
    yield Result(
        what=f"recovery of 100,000 vars and {REVISIONS:,} revisions ÷ `import grpc`",
        value=ratio(took["open"], took["grpc"]),
        unit="x",
        goal=at_most(3.0),
        detail=f"{p50(took['open']) * 1e3:.0f} ms ÷ {p50(took['grpc']) * 1e3:.0f} ms",
    )


def _gigabyte(settings: Settings, data_dir: Path, *, pruned: bool) -> Result:
    _begin("thousand_vars", data_dir, settings)
    write_bytes(data_dir, GIGABYTE // settings.choose(1, 10), var="var_0", pruned=pruned)
    size = (data_dir / "journal.db").stat().st_size
    starts = [_start("thousand_vars", data_dir, settings) for _ in range(3)]
    written = "1 GiB" if not settings.quick else "0.1 GiB"
    return Result(
        what=f"start to serving after {written} of journal, {'pruned as always' if pruned else 'nothing deleted'}",
        value=sorted(starts)[1],
        unit="s",
        goal=at_most(2.0),
        detail=f"the file is {size / (1 << 20):.0f} MiB",
    )


def _begin(app: str, data_dir: Path, settings: Settings) -> None:
    """Lets an app begin its journal."""
    _start(app, data_dir, settings)


def _start(app: str, data_dir: Path, settings: Settings) -> float:
    with flow_service(app, settings.directory, data_dir=data_dir) as service:
        return service.start_seconds


def _open(data_dir: Path) -> float:
    store = SQLiteStore(data_dir)
    begin = time.perf_counter()
    store.open()
    took = time.perf_counter() - begin
    store.close()
    return took


def _import_grpc() -> Block:
    """Measures the import alone, in a new interpreter."""
    code = "import time; begin = time.perf_counter(); import grpc; print(time.perf_counter() - begin)"
    return [float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)]

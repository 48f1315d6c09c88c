"""Writes the test vectors of the contract, which clients of every language read.

Run it after a change of `cases`: `python -m tests.contract.make_vectors`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.contract.cases import changes, values, watches

VECTORS = Path(__file__).parent / "vectors"


def texts() -> dict[str, str]:
    """Makes the text of each file."""
    made = {"values.json": values.plain(), "changes.json": changes.plain(), "watches.json": watches.plain()}
    return {name: _text(plain) for name, plain in made.items()}


def _text(plain: dict[str, list[Any]]) -> str:
    """Writes a case a line, so that a difference is readable."""
    groups = [
        f'"{group}": [\n' + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]"
        for group, cases in plain.items()
    ]
    return "{\n" + ",\n".join(groups) + "\n}\n"


if __name__ == "__main__":
    for name, text in texts().items():
        (VECTORS / name).write_text(text, encoding="utf-8")

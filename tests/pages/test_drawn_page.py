"""The function of a page, as the process of the page finds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from flowrpc.pages.drawn_page import DrawnPage

DRAW = "from flowrpc.pages.drawn_page import DrawnPage; DrawnPage.of_this_process().function()('state')"


def draw(page: DrawnPage) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DRAW], env=page.environment(), capture_output=True, text=True, check=False
    )


def page_in(folder: Path, module: str, file: str, name: str = "page") -> DrawnPage:
    return DrawnPage(
        flow="root", module=module, file=str(folder / file), name=name, search_path=(str(folder), *sys.path)
    )


def test_a_function_of_an_app_file_is_found_without_running_it_as_a_script(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "import beside\n\n\ndef page(state):\n    print(__name__, state, beside.X)\n\n\n"
        "if __name__ == '__main__':\n    raise SystemExit('a script')\n"
    )
    (tmp_path / "beside.py").write_text("X = 1\n")

    for module in ("shop", "__main__"):
        assert draw(page_in(tmp_path, module, "shop.py")).stdout == "shop state 1\n"


def test_a_function_of_a_package_is_found_by_its_module(tmp_path: Path) -> None:
    (tmp_path / "looks").mkdir()
    (tmp_path / "looks" / "shop.py").write_text(
        "class Looks:\n    @staticmethod\n    def page(state):\n        print(__name__, state)\n"
    )

    page = page_in(tmp_path, "looks.shop", "looks/shop.py", "Looks.page")
    assert draw(page).stdout == "looks.shop state\n"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            "other = 1\n",
            "the page of root: shop has no function page; render_fn has to be found under the name",
        ),
        ("def page(:\n", "SyntaxError"),
        ("1 / 0\n", "shop.py does not run:"),
    ],
)
def test_what_is_not_found_is_told(tmp_path: Path, source: str, problem: str) -> None:
    (tmp_path / "shop.py").write_text(source)

    assert problem in draw(page_in(tmp_path, "shop", "shop.py")).stderr


def test_a_page_is_told_of_a_function(tmp_path: Path) -> None:
    made = DrawnPage.of(page_in, "root.shop")

    assert (made.flow, made.name, made.file) == ("root.shop", "page_in", __file__)
    assert made.search_path == tuple(sys.path)

"""What a PythonServer takes and gives."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest
from flowrpc.components import Category, Image, PythonServer
from flowrpc.components.served_types import DefaultInput, DefaultOutput


@dataclasses.dataclass
class Question:
    text: str


class Plain(PythonServer):
    def predict(self, request: Any) -> Any:
        return {"prediction": request.payload}


class Annotated(PythonServer):
    def predict(self, request: Image) -> Category:
        return Category(category=len(request.image or ""))


class Loose(PythonServer):
    def predict(self, request: dict[str, int]) -> dict:  # type: ignore[type-arg]
        return request


class Wrong(PythonServer):
    def predict(self, request: int) -> None:
        pass


class Unreadable(PythonServer):
    def predict(self, request: Missing) -> None:  # type: ignore[name-defined]  # noqa: F821
        pass


def types(server: PythonServer) -> tuple[Any, Any]:
    return server.configure_input_type(), server.configure_output_type()


def test_types_are_said_or_annotated_or_the_defaults() -> None:
    assert types(Plain()) == (DefaultInput, DefaultOutput)
    assert types(Annotated()) == (Image, Category)
    assert types(Annotated(output_type=Question)) == (Image, Question)
    assert types(Plain(Question, dict)) == (Question, dict[str, Any])
    assert types(Loose()) == (dict[str, Any], dict[str, Any])


def test_models_of_pydantic_are_types() -> None:
    from pydantic import BaseModel

    class Model(BaseModel):
        text: str

    assert types(Plain(Model, Model)) == (Model, Model)


def test_other_types_are_refused() -> None:
    with pytest.raises(
        TypeError, match=r"Wrong\(\) input_type is int; give a pydantic model, a dataclass, or dict"
    ):
        Wrong()
    with pytest.raises(TypeError, match=r"Plain\(\) output_type is str; give"):
        Plain(output_type=str)
    with pytest.raises(
        TypeError, match=r"Unreadable\(\): the annotations of predict cannot be read: .*Missing"
    ):
        Unreadable()


def test_a_server_needs_predict() -> None:
    with pytest.raises(TypeError, match="predict"):
        PythonServer()  # type: ignore[abstract]


def test_a_server_is_parallel_unless_it_is_told_otherwise() -> None:
    assert Plain().parallel
    assert not Plain(parallel=False).parallel
    assert Plain(port=8123).port == 8123


def test_building_a_server_imports_nothing_heavy() -> None:
    code = "import sys, flowrpc.components; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    loaded = {name.partition(".")[0] for name in out.split()}
    assert {"fastapi", "uvicorn", "starlette", "pydantic", "asyncio", "grpc"} & loaded == set()

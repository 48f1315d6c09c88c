"""What the project says about the versions that it needs."""

import re
import tomllib
from pathlib import Path

import google.protobuf
import grpc
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "server" / "flowrpc" / "v1"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def lower_bound(name: str) -> str:
    (found,) = [need for need in map(Requirement, PROJECT["dependencies"]) if need.name == name]
    (specifier,) = found.specifier
    assert specifier.operator == ">="
    return specifier.version


def pins(name: str) -> set[str]:
    return set((ROOT / "requirements" / name).read_text().splitlines())


def test_lower_bound_of_grpcio_is_what_generated_code_demands() -> None:
    demanded = {
        match.group(1)
        for path in GENERATED.glob("*_pb2_grpc.py")
        for match in re.finditer(r"^GRPC_GENERATED_VERSION = '(.+)'$", path.read_text(), re.MULTILINE)
    }
    assert demanded == {lower_bound("grpcio")}


def test_lower_bound_of_protobuf_is_what_generated_code_demands() -> None:
    demanded = {
        match.group(1)
        for path in GENERATED.glob("*_pb2.py")
        for match in re.finditer(r"^# Protobuf Python Version: (.+)$", path.read_text(), re.MULTILINE)
    }
    assert demanded == {lower_bound("protobuf")}


@pytest.mark.parametrize(
    ("name", "installed"), [("grpcio", grpc.__version__), ("protobuf", google.protobuf.__version__)]
)
def test_pinned_version_is_the_installed_one(name: str, installed: str) -> None:
    assert f"{name}=={installed}" in pins("dev.txt")


def test_runtime_pins_are_among_the_development_pins() -> None:
    assert pins("runtime.txt") <= pins("dev.txt")


@pytest.mark.parametrize("name", ["dev.txt", "runtime.txt"])
def test_pins_name_versions_and_no_addresses(name: str) -> None:
    assert not [line for line in pins(name) if "==" not in line or "://" in line]

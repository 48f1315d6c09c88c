"""The .proto file: what buf makes of it is what is served, and buf has nothing to complain of."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from flowrpc.contract.descriptors import file_descriptor, file_name
from flowrpc.contract.pool import ContractPool
from flowrpc.contract.proto_text import proto_text
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from tests.contract.offering import Shop, contract_of, numbered

BUF = Path(sys.executable).parent / "buf"
PROTOS = Path(__file__).parents[2] / "protos"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder with the contract, and what it imports."""
    contract, messages, lock = numbered(contract_of(Shop()))
    target = tmp_path / file_name("shop.v1")
    target.parent.mkdir(parents=True)
    target.write_text(proto_text(contract, messages, lock))
    (tmp_path / "flowrpc" / "v1").mkdir(parents=True)
    shutil.copy(PROTOS / "flowrpc" / "v1" / "value.proto", tmp_path / "flowrpc" / "v1")
    (tmp_path / "buf.yaml").write_text("version: v2\nlint:\n  use: [STANDARD, COMMENTS]\n")
    return tmp_path


def buf(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BUF, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_buf_finds_nothing_to_complain_of(written: Path) -> None:
    told = buf(written, "lint")
    assert (told.returncode, told.stdout) == (0, "")
    told = buf(written, "format", "--diff", "--exit-code", "--path", "shop")
    assert (told.returncode, told.stdout) == (0, "")


def test_the_text_and_the_descriptors_say_the_same(written: Path) -> None:
    built = buf(written, "build", "-o", "image.binpb")
    assert built.returncode == 0, built.stderr
    image = FileDescriptorSet.FromString((written / "image.binpb").read_bytes())
    (of_text,) = [one for one in image.file if one.name == "shop/v1/app.proto"]
    contract, messages, lock = numbered(contract_of(Shop()))
    of_types = file_descriptor(contract, messages, lock)
    assert plain(of_types) == plain(of_text)
    assert (of_text.options.java_package, of_text.options.java_multiple_files) == ("shop.v1", True)


def test_docstrings_are_comments() -> None:
    text = proto_text(*numbered(contract_of(Shop())))
    for comment, what in (
        ("// Sells things.", "service RootService {"),
        ("  // Adds a name.", "  rpc Add(AddRequest)"),
        ("  // Who it is, at length. Required.", "  optional string name = "),
        ("// One thing to buy.", "message Item {"),
    ):
        assert f"{comment}\n{what}" in text


def plain(file: FileDescriptorProto) -> str:
    """Leaves out what the text has beside the descriptor: comments, and buf's own notes."""
    copy = FileDescriptorProto.FromString(file.SerializeToString())
    copy.ClearField("source_code_info")
    copy.DiscardUnknownFields()
    return str(copy)


def test_the_descriptor_set_stands_alone() -> None:
    contract, messages, lock = numbered(contract_of(Shop()))
    files = ContractPool(file_descriptor(contract, messages, lock)).descriptor_set().file
    names = [one.name for one in files]
    assert names[-1] == "shop/v1/app.proto"
    assert all(set(one.dependency) <= set(names[:index]) for index, one in enumerate(files))

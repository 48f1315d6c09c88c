from dataclasses import replace
from pathlib import Path

import pytest
from flowrpc.protocol.run_directory import AppEntry, publish
from flowrpc_client import FlowClient, NotReachableError
from flowrpc_client.target import Target, find_target


def test_the_only_running_app_is_found(entry: AppEntry) -> None:
    with FlowClient() as client:
        assert client.app().name == "fake"


def test_apps_are_chosen_by_name_and_by_data_directory(entry: AppEntry, tmp_path: Path) -> None:
    publish(replace(entry, name="other", data_dir=tmp_path / "other", address="127.0.0.1:1"))

    assert find_target(app="fake").address == entry.address
    assert find_target(data_dir=tmp_path / "other").address == "127.0.0.1:1"


def test_several_apps_ask_for_a_choice(entry: AppEntry, tmp_path: Path) -> None:
    publish(replace(entry, name="other", data_dir=tmp_path / "other"))

    with pytest.raises(NotReachableError, match="fake, other; choose one with --app"):
        find_target()


def test_several_apps_of_one_name_ask_for_the_directory(entry: AppEntry, tmp_path: Path) -> None:
    publish(replace(entry, data_dir=tmp_path / "other"))

    with pytest.raises(NotReachableError, match="choose one with --data-dir"):
        find_target(app="fake")


def test_an_unknown_name_gets_a_suggestion(entry: AppEntry) -> None:
    with pytest.raises(NotReachableError, match="did you mean 'fake'"):
        find_target(app="fale")


def test_nothing_runs() -> None:
    with pytest.raises(NotReachableError, match="no app runs; start one with"):
        find_target()


def test_nothing_runs_on_a_data_directory(tmp_path: Path) -> None:
    with pytest.raises(NotReachableError, match="no app runs on"):
        find_target(data_dir=tmp_path)
    with pytest.raises(NotReachableError, match="there is no"):
        find_target(data_dir=tmp_path / "nowhere")


def test_the_token_of_a_known_address_is_found(entry: AppEntry) -> None:
    assert find_target(address=entry.address).token_file == entry.token_file
    assert find_target(address="127.0.0.1:1").token_file is None


@pytest.mark.parametrize(
    "address", ["127.0.0.1:80", "127.3.2.1:80", "localhost:80", "[::1]:80", "unix:/run/a"]
)
def test_loopback_addresses(address: str) -> None:
    assert Target(address=address).loopback


@pytest.mark.parametrize(
    "address", ["10.0.0.1:80", "example.org:80", "127.0.0.1.example.org:80", "dns:///x:80"]
)
def test_a_token_does_not_leave_the_host_unencrypted(address: str, token_file: Path) -> None:
    with pytest.raises(NotReachableError, match="only sent encrypted"):
        FlowClient(address, token_file)


def test_missing_certificates_are_named(token_file: Path, tmp_path: Path) -> None:
    with pytest.raises(NotReachableError, match=r"ca\.pem: No such file"):
        FlowClient("example.org:80", token_file, tls_ca=tmp_path / "ca.pem")

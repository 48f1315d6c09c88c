from __future__ import annotations

import pytest
from flowrpc.component import LightningFlow
from flowrpc.component.failures import failure_of
from flowrpc.state.records import FailureReason


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - whatever the test raises
        return caught


def test_a_failure_tells_class_message_and_traceback() -> None:
    failure = failure_of(_raised(LookupError("gone")))
    assert (failure.reason, failure.type, failure.message) == (FailureReason.EXCEPTION, "LookupError", "gone")
    assert "in _raised" in failure.traceback
    assert failure.traceback.endswith("LookupError: gone\n")


@pytest.mark.parametrize(
    ("error", "name"),
    [(ValueError(), "ValueError"), (Broken(), f"{__name__}.Broken"), (SystemExit(), "SystemExit")],
)
def test_a_failure_without_text_is_called_by_its_class(error: BaseException, name: str) -> None:
    failure = failure_of(_raised(error), FailureReason.NOT_BUILT)
    assert (failure.reason, failure.type, failure.message) == (FailureReason.NOT_BUILT, name, name)


def test_our_frames_above_user_code_are_left_out() -> None:
    class Fails(LightningFlow):
        def __init__(self) -> None:
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        Fails()
    failure = failure_of(_without_the_test(caught.value))
    files = [line for line in failure.traceback.splitlines() if line.startswith("  File")]
    assert len(files) == 1
    assert files[0].endswith("in __init__")


def test_an_error_of_ours_alone_keeps_its_frames() -> None:
    with pytest.raises(AttributeError) as caught:
        LightningFlow().nope = 1
    assert "component.py" in failure_of(_without_the_test(caught.value)).traceback


def _without_the_test(error: BaseException) -> BaseException:
    frames = error.__traceback__
    return error.with_traceback(frames.tb_next if frames else None)

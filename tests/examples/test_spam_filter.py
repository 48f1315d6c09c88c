"""The example `spam_filter`: a model is learned, served, and learned again."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import httpx
import pytest
from flowrpc.testing import AppProcess, SimulatedApp, run_app
from flowrpc_client import CommandFailed

from tests.examples.conftest import SECONDS
from tests.examples.loading import EXAMPLES, load_example
from tests.examples.readiness import wait_until_ready

TRIP = "Win a free trip to the tea fair"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_example("spam_filter", monkeypatch)


def test_the_classifier_learns_what_words_tell(example: ModuleType) -> None:
    learned = example.Classifier.learn([("free prize", True), ("free tea", False), ("tea at noon", False)])

    assert learned.counts == {
        "spam": {"": 1, "free": 1, "prize": 1},
        "ham": {"": 2, "free": 1, "tea": 2, "at": 1, "noon": 1},
    }
    assert learned.probability("prize") > learned.probability("free") > learned.probability("tea")
    assert learned.probability("unknown words") == learned.probability("")
    assert 0 < example.Classifier.learn([]).probability(TRIP * 1000) < 1


def test_what_was_taught_is_learned_and_served_anew(example: ModuleType) -> None:
    app = SimulatedApp(example.SpamFilter)
    app.settle()
    app.works["root.train"].succeed()
    app.settle()
    app.works["root.serve"].start().set(taught=0).serve("http://127.0.0.1:4321")
    app.settle()
    assert app.root.ready

    assert app.call("teach", text=TRIP, spam=False) == 1
    app.settle()
    assert (app.root.ready, app.root.serve.ready) == (False, True)  # the old model answers until then
    app.works["root.train"].succeed()
    app.settle()
    assert [run.args[1] for run in app.runs("root.serve")] == [0, 1]
    assert app.root.serve.is_pending


def test_an_empty_text_teaches_nothing(example: ModuleType) -> None:
    app = SimulatedApp(example.SpamFilter)
    with pytest.raises(CommandFailed, match="an empty text teaches nothing"):
        app.call("teach", text=" ", spam=True)


def verdict(app: AppProcess, text: str) -> Any:
    """Asks the server of the newest model."""
    wait_until_ready(app)
    url = next(work.url for work in app.client.works() if work.name == "root.serve")
    answer = httpx.post(f"{url}/predict", json={"text": text}, timeout=SECONDS, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.slow
def test_it_answers_learns_and_goes_on_after_a_kill_without_learning_again() -> None:
    with run_app(EXAMPLES / "spam_filter" / "app.py", timeout=SECONDS) as app:
        assert verdict(app, TRIP)["spam"] is True
        assert verdict(app, "Is there tea at the meeting?")["spam"] is False

        for _ in range(3):
            app.client.call("teach", text=TRIP, spam=False)
        assert verdict(app, TRIP)["spam"] is False
        trained = len(app.client.runs("root.train"))

        app.kill()
        app.start()
        assert verdict(app, TRIP)["spam"] is False
        assert len(app.client.runs("root.train")) == trained

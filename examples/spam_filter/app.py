"""A spam filter: one work learns it from examples, another one serves it, and commands teach it."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as LocalPath
from typing import Any

import flowrpc.lightning as L  # noqa: N812  # the name that apps for Lightning have for it

# classifier.py lies beside this file, and the app's folder comes first on sys.path.
from classifier import Classifier  # type: ignore[import-not-found]  # which mypy does not know
from flowrpc.lightning.components import PythonServer
from flowrpc.lightning.storage import Path

EXAMPLES = LocalPath(__file__).with_name("messages.csv")


@dataclass
class Message:
    """What is asked about."""

    text: str


@dataclass
class Verdict:
    """What the filter says."""

    spam: bool
    probability: float


class Train(L.LightningWork):
    """Learns from the file of examples, and from what was taught since."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Path("model.json")
        self.examples = 0

    def run(self, taught: list[list[Any]]) -> None:
        with EXAMPLES.open(newline="") as lines:
            examples = [(text, label == "spam") for label, text in csv.reader(lines)]
        examples += [(text, spam) for text, spam in taught]
        self.model.write_text(json.dumps(Classifier.learn(examples).counts))
        self.examples = len(examples)


class Serve(PythonServer):
    """Answers whether a message is spam."""

    def __init__(self) -> None:
        super().__init__(cache_calls=True)
        self.asked = 0
        self.taught = -1

    def setup(self, model: Path, taught: int) -> None:
        self.taught = taught
        self._classifier = Classifier(json.loads(model.read_text()))

    def predict(self, request: Message) -> Verdict:
        self.asked += 1
        probability = self._classifier.probability(request.text)
        return Verdict(spam=probability > 0.5, probability=round(probability, 3))


class SpamFilter(L.LightningFlow):
    """Trains again whenever something was taught, and serves the newest model."""

    def __init__(self) -> None:
        super().__init__()
        self.train = Train()
        self.serve = Serve()
        self.taught: list[list[Any]] = []
        self.served = 0

    def run(self) -> None:
        self.train.run(self.taught)  # the same examples are learned once, also over restarts
        if self.served != len(self.taught):
            self.serve.stop()
            self.served = len(self.taught)
        self.serve.run(self.train.model, self.served)

    @property
    def ready(self) -> bool:
        """Whether it answers, with all that was taught."""
        return self.serve.ready and self.serve.taught == len(self.taught)

    def teach(self, text: str, spam: bool) -> int:
        """Teaches by an example; returns how many were taught."""
        if not text.strip():
            raise ValueError("an empty text teaches nothing")
        self.taught.append([text, spam])
        return len(self.taught)

    def configure_commands(self) -> list[dict[str, Callable[..., Any]]]:
        return [{"teach": self.teach}]


app = L.LightningApp(SpamFilter())

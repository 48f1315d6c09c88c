"""An app with something to see on every page of the dashboard."""

SOURCE = r'''
import os
from collections.abc import Iterator
from pathlib import Path

from flowrpc import CloudCompute, StaticWebFrontend

HERE = Path(__file__).parent
log = logging.getLogger("shop")


class Train(LightningWork):
    def __init__(self, compute=None):
        super().__init__(parallel=True, raise_exception=False, cloud_compute=compute)
        self.epoch = 0
        self.loss = 1.0

    def run(self, epochs, fail=False):
        for epoch in range(epochs):
            time.sleep(0.2)
            self.epoch = epoch + 1
            self.loss *= 0.93
            print(f"epoch {epoch + 1} is done, loss {self.loss:.3f}")
        if fail:
            raise ValueError("the numbers <b>do not</b> add up")


class Report(LightningFlow):
    def configure_layout(self):
        return StaticWebFrontend(HERE / "report")


class Billing(LightningFlow):
    def __init__(self):
        super().__init__()
        self.invoices = {"ann": 3, "bob": 4}
        self.open = True

    def refund(self, name: str, amount: float = 1.5) -> float:
        """Gives money back to a customer."""
        return amount

    def configure_commands(self):
        return {"refund": self.refund}


class Root(LightningFlow):
    def __init__(self):
        super().__init__()
        self.train = Train()
        self.check = Train(CloudCompute(cpus=0.1, memory="32MiB"))
        self.report = Report()
        self.billing = Billing()
        self.more = List()
        self.title = "<img src=x onerror='document.title=1'> & co: grüße, 世界"
        self.large = 2**60 + 1
        self.share = 1.0
        self.names = [f"name {number}" for number in range(300)]
        self.wanted = 0
        self.failing = 0
        self.counter = 0

    def run(self):
        if self.wanted:
            self.train.run(epochs=self.wanted)
        if self.failing:
            self.check.run(epochs=self.failing, fail=True)

    def start(self, epochs: int = 20) -> int:
        """Starts the training."""
        self.wanted = epochs
        log.warning("the training begins, %d epochs", epochs)
        return epochs

    def try_and_fail(self, epochs: int = 2):
        """Starts a run that fails."""
        self.failing = epochs

    def count(self, by: int = 1) -> int:
        """Adds to the counter."""
        self.counter += by
        return self.counter

    def echo(self, text: str, number: int, share: float = 0.5, on: bool = False, more: list[int] | None = None):
        """Answers what it gets."""
        return {"text": text, "number": number, "share": share, "on": on, "more": more}

    def rows(self, count: int, failing: bool = False) -> Iterator[str]:
        """Sends numbered rows."""
        for number in range(count):
            yield f"row {number} <b>"
        if failing:
            raise ValueError("no more")

    def refuse(self, why: str):
        """Raises."""
        raise ValueError(why)

    def grow(self, components: int):
        """Adds flows."""
        for _ in range(components):
            self.more.append(Billing())

    def talk(self, lines: int):
        """Writes to the log."""
        for number in range(lines):
            log.log((logging.INFO, logging.ERROR)[number % 10 == 0], "line %d <i>of</i> many", number)

    def configure_commands(self):
        commands = (self.start, self.try_and_fail, self.count, self.echo, self.rows, self.refuse, self.grow, self.talk)
        return {command.__name__: command for command in commands}

    def configure_layout(self):
        return [
            dict(name="Report", content=self.report),
            dict(name="Evil", content="javascript:document.title='evil'"),
            dict(name="Later", content=""),
        ]


app = LightningApp(Root())
'''

FILES = {
    "report/index.html": "<!doctype html><title>Report</title><h1>The report</h1><p>Nothing is sold yet.</p>\n"
}

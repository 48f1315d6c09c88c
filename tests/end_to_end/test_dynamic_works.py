"""Works that came while the app runs, and whose constructors got what is no value: their processes build them again."""

from __future__ import annotations

import pytest

from tests.end_to_end.conftest import MakeApp, var

DAGS = """
from datetime import timedelta

from flowrpc import Retry


class Job(LightningWork):
    def __init__(self, number=0, **options):
        super().__init__(parallel=True, **options)
        self.number = number
        self.square = 0

    def run(self):
        self.square = self.number**2


class Dag(LightningFlow):
    def __init__(self, number):
        super().__init__()
        self.one = Job(number, retry=Retry(attempts=2), timeout=timedelta(minutes=1))
        self.more = List(Job(number + 1, retry=Retry()), Job(number + 2))
        self.inner = Inner(number)

    def run(self):
        for work in self.works():
            work.run()


class Inner(LightningFlow):
    def __init__(self, number):
        super().__init__()
        self.deep = Dict(job=Job(number + 3, retry=Retry()))


class Root(LightningFlow):
    def __init__(self):
        self.dags = List()
        self.wanted = 0
        self.sum = 0

    def run(self):
        while len(self.dags) < self.wanted:
            self.dags.append(Dag(10 * (len(self.dags) + 1)))
        for dag in self.dags:
            dag.run()
        self.sum = sum(work.square for work in self.works())

    def want(self, number):
        self.wanted = number

    def configure_commands(self):
        return {"want": self.want}


app = LightningApp(Root())
"""


def squares(number: int) -> int:
    return sum((number + step) ** 2 for step in range(4))


@pytest.mark.parametrize("killed", [False, True])
def test_works_in_dynamic_flows_are_built_by_the_flow_that_made_them(make_app: MakeApp, killed: bool) -> None:
    app = make_app(DAGS).start()
    with app.client() as client:
        client.call("want", number=2)
    if killed:
        app.kill()
        app.start()
    with app.client() as client, client.replica() as replica:
        replica.wait_for(lambda replica: var(replica, "root", "sum") == squares(10) + squares(20), timeout=60)
        assert {run.failure for run in client.runs()} == {None}

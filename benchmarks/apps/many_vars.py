"""A flow with 100,000 vars and a long text."""

from flowrpc import LightningApp, LightningFlow

VARS = 100_000


class ManyVars(LightningFlow):
    def __init__(self) -> None:
        self.text = ""
        for number in range(VARS):
            setattr(self, f"var_{number}", number)

    def run(self) -> None:
        """Changes nothing."""


app = LightningApp(ManyVars())

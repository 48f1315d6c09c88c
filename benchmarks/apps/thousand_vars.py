"""A flow with a thousand vars, of which a command changes one."""

from typing import Any

from flowrpc import LightningApp, LightningFlow

VARS = 1_000


class ThousandVars(LightningFlow):
    def __init__(self) -> None:
        for number in range(VARS):
            setattr(self, f"var_{number}", number)

    def run(self) -> None:
        """Decides nothing."""

    def change(self, number: int, value: int) -> None:
        setattr(self, f"var_{number % VARS}", value)

    def configure_commands(self) -> Any:
        return {"change": self.change}


app = LightningApp(ThousandVars())

"""Works that say when they were called for the first time, and when that was in user code."""

import os
import time
from typing import Any

from flowrpc import Dict, LightningApp, LightningFlow, LightningWork


class Begin(LightningWork):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.began = 0.0
        self.process_id = 0

    def run(self) -> None:
        """Notes when and where it is."""
        self.began = time.time()
        self.process_id = os.getpid()


class Root(LightningFlow):
    def __init__(self) -> None:
        self.works_by_name = Dict()
        self.asked = 0.0

    def run(self) -> None:
        if self.works_by_name and not self.asked:
            self.asked = time.time()
        for work in self.works_by_name.values():
            work.run()

    def begin(self, names: list[str]) -> None:
        for name in names:
            self.works_by_name[name] = Begin()
        self.asked = 0.0

    def configure_commands(self) -> Any:
        return {"begin": self.begin}


app = LightningApp(Root())

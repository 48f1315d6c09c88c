"""A work that writes a large file, and another one that gets it."""

import os
import time
from typing import Any

from flowrpc import LightningApp, LightningFlow, LightningWork, Path

CHUNK = os.urandom(1024 * 1024)


class Write(LightningWork):
    def __init__(self) -> None:
        super().__init__()
        self.file: Any = Path("large.bin")
        self.written = 0.0
        self.published = 0.0

    def run(self, megabytes: int, number: int) -> None:
        """Writes a file that is new to the storage; what counts begins when it is written."""
        with self.file.open("wb") as file:
            file.write(f"{number:>16}".encode())
            for _ in range(megabytes):
                file.write(CHUNK)
        self.written = time.time()
        self.file = self.file
        self.published = time.time()


class Read(LightningWork):
    def __init__(self) -> None:
        super().__init__()
        self.began = 0.0
        self.size = 0

    def run(self, file: Any, number: int) -> None:
        """Notes when it has the file."""
        self.size = file.stat().st_size
        self.began = time.time()


class Handing(LightningFlow):
    def __init__(self) -> None:
        self.write = Write()
        self.read = Read()
        self.megabytes = 0
        self.number = 0
        self.handed = 0

    def run(self) -> None:
        if self.number > self.handed:
            self.write.run(self.megabytes, self.number)
            self.read.run(self.write.file, self.number)
            self.handed = self.number

    def hand(self, megabytes: int) -> int:
        self.megabytes = megabytes
        self.number += 1
        return self.number

    def configure_commands(self) -> Any:
        return {"hand": self.hand}


app = LightningApp(Handing())

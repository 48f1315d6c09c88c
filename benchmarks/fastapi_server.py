"""The yardstick of routes: FastAPI and uvicorn as they come, with a route that answers what ours answers."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Order(BaseModel):
    name: str
    count: int


@app.post("/read")
async def read(order: Order) -> dict[str, int]:
    return {"total": 1 + order.count}


async def serve() -> None:
    """Serves until stdin ends: the benchmark holds the other end, so nothing is left behind."""
    listening = socket.socket(
        socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # for asyncio's TCP_NODELAY
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    server = uvicorn.Server(
        uvicorn.Config(app, http="h11", lifespan="off", log_config=None, access_log=False)
    )
    serving = asyncio.create_task(server.serve([listening]))
    print(f"FastAPI is served at 127.0.0.1:{listening.getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    serving.cancel()
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve())

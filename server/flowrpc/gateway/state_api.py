"""The state API: what `FlowService` tells of the app, its state, works and runs, as JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query
from starlette.responses import Response

from flowrpc.flow_service.door import Door
from flowrpc.flow_service.events import AgentsListed, WorksListed
from flowrpc.gateway.facts import fact_json
from flowrpc.gateway.replies import Json
from flowrpc.protocol.requests import GetState, ListRuns
from flowrpc.state.records import RunStatus

MAX_PAGE_SIZE = 1_000
"""How many runs a page holds at most."""


def add_state_api(app: FastAPI, door: Door) -> None:
    """Adds it to an application."""

    @app.get("/api/v1/app", tags=["app"], summary="Tells what app this is and how it is.")
    async def get_app() -> Response:
        return Json(fact_json(door.info()))

    @app.get("/api/v1/state", tags=["state"], summary="Reads a component and, unless told, what is below it.")
    async def get_state(component: str = "root", children: bool = True) -> Response:
        snapshot = door.publisher.state(GetState(component=component, exclude_children=not children))
        content = {
            "journal_id": snapshot.journal_id,
            "revision": snapshot.revision,
            "components": fact_json(snapshot.components),
            "runs": fact_json(snapshot.runs),
        }
        return Json(content)

    @app.get("/api/v1/works", tags=["works"], summary="Lists the works with their status.")
    async def list_works() -> Response:
        listed = await door.waiting.ask(lambda call_id: WorksListed(call_id=call_id))
        return Json({"works": fact_json(listed.works), "revision": listed.revision})

    @app.get(
        "/api/v1/agents",
        tags=["works"],
        summary="Lists the attached agents: what they have, and what is taken.",
    )
    async def list_agents() -> Response:
        agents = await door.waiting.ask(lambda call_id: AgentsListed(call_id=call_id))
        return Json({"agents": fact_json(agents)})

    @app.get("/api/v1/runs", tags=["works"], summary="Lists runs, newest first.")
    async def list_runs(
        work: str = "",
        status: Annotated[list[RunStatus] | None, Query()] = None,
        page_size: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = 100,
        page_token: str = "",
    ) -> Response:
        wanted = ListRuns(
            work=work, statuses=frozenset(status or ()), page_size=page_size, page_token=page_token
        )
        runs, token = door.publisher.runs(wanted)
        revision = door.publisher.replica.revision
        return Json({"runs": fact_json(tuple(runs)), "next_page_token": token, "revision": revision})

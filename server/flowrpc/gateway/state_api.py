"""The state API: what `FlowService` tells of the app, its state, works and runs, as JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import FastAPI, Query
from starlette.responses import Response

from flowrpc.flow_service.door import Door
from flowrpc.flow_service.events import AgentsListed, WorksListed
from flowrpc.flow_service.list_page import cut_page
from flowrpc.gateway.facts import fact_json
from flowrpc.gateway.replies import Json
from flowrpc.protocol.requests import GetState, ListRuns
from flowrpc.state.records import RunStatus
from flowrpc.wire.requests import MAX_PAGE_SIZE, PAGE_SIZE

PageSize = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)]
"""How many a page of a list holds at most."""


def add_state_api(app: FastAPI, door: Door) -> None:
    """Adds it to an application."""

    @app.get("/api/v1/app", tags=["app"], summary="Tells what app this is and how it is.")
    async def get_app(with_state_hash: bool = False) -> Response:
        info = door.info()
        if with_state_hash:
            info = replace(info, state_hash=door.publisher.state_hash())
        return Json(fact_json(info))

    @app.get("/api/v1/state", tags=["state"], summary="Reads a component and, unless told, what is below it.")
    async def get_state(
        component: str = "root", exclude_children: bool = False, with_state_hash: bool = False
    ) -> Response:
        wanted = GetState(
            component=component, exclude_children=exclude_children, with_state_hash=with_state_hash
        )
        snapshot = door.publisher.state(wanted)
        content = {
            "journal_id": snapshot.journal_id,
            "revision": snapshot.revision,
            "components": fact_json(snapshot.components),
            "runs": fact_json(snapshot.runs),
            "state_hash": snapshot.state_hash,
        }
        return Json(content)

    @app.get("/api/v1/works", tags=["works"], summary="Lists the works with their status.")
    async def list_works(page_size: PageSize = PAGE_SIZE, page_token: str = "") -> Response:
        listed = await door.waiting.ask(lambda call_id: WorksListed(call_id=call_id))
        works, token = cut_page(listed.works, page_size, page_token)
        return Json({"works": fact_json(works), "next_page_token": token, "revision": listed.revision})

    @app.get(
        "/api/v1/agents",
        tags=["works"],
        summary="Lists the attached agents: what they have, and what is taken.",
    )
    async def list_agents(page_size: PageSize = PAGE_SIZE, page_token: str = "") -> Response:
        listed = await door.waiting.ask(lambda call_id: AgentsListed(call_id=call_id))
        agents, token = cut_page(listed, page_size, page_token)
        return Json({"agents": fact_json(agents), "next_page_token": token})

    @app.get("/api/v1/runs", tags=["works"], summary="Lists runs, newest first.")
    async def list_runs(
        work: str = "",
        statuses: Annotated[list[RunStatus] | None, Query()] = None,
        page_size: PageSize = PAGE_SIZE,
        page_token: str = "",
    ) -> Response:
        wanted = ListRuns(
            work=work, statuses=frozenset(statuses or ()), page_size=page_size, page_token=page_token
        )
        runs, token = door.publisher.runs(wanted)
        revision = door.publisher.replica.revision
        return Json({"runs": fact_json(tuple(runs)), "next_page_token": token, "revision": revision})

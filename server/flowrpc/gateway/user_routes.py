"""Routes of the user: endpoints that call a flow in the engine, or a free function beside it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from flowrpc.errors import CallError, StartError
from flowrpc.flow_service.calls_waiting import WaitingCalls
from flowrpc.flow_service.events import RouteCalled
from flowrpc.flow_service.routes import Route
from flowrpc.gateway.replies import fault

Endpoint = Callable[..., Awaitable[Any]]


def add_route(app: FastAPI, route: Route, waiting: WaitingCalls) -> None:
    """Adds a route of the user to an application.

    Raises:
        StartError: FastAPI cannot serve it: an annotation, an option or the path is wrong.
    """
    try:
        signature = inspect.signature(route.method, eval_str=True)
        if route.in_flow:
            called = _FlowCall(route, waiting)
            app.add_api_route(route.path, _endpoint(called, route, signature), **_options(route))
            called.encode = _encoder(app.routes[-1])
        else:
            app.add_api_route(route.path, _free_endpoint(route, signature), **_options(route))
    except Exception as error:
        raise StartError(
            f"the route {route.title} of {route.flow} cannot be served: {type(error).__name__}: {error}"
        ) from error


class _FlowCall:
    """Calls a method of a flow in the engine, and waits for what is to be sent."""

    def __init__(self, route: Route, waiting: WaitingCalls) -> None:
        self._route = route
        self._waiting = waiting
        self.encode: Callable[[Any], Response] = JSONResponse

    async def __call__(self, **arguments: Any) -> Response:
        route = self._route
        event = partial(
            RouteCalled,
            verb=route.verb,
            path=route.path,
            arguments=arguments,
            encode=self.encode,
            deadline=time.monotonic() + route.timeout,
        )
        outcome = await _in_time(self._waiting.ask(lambda call_id: event(call_id=call_id)), route)
        if outcome.raised is not None:
            return _failed(route, outcome.raised)
        return JSONResponse(None) if outcome.ended else outcome.content


def _failed(route: Route, error: BaseException) -> Response:
    """Answers as an HTTPException of user code says; all else is logged, and told to nobody else."""
    if isinstance(error, HTTPException | CallError):
        raise error
    return fault(route.title, error)


async def _in_time(answer: Awaitable[Any], route: Route) -> Any:
    limit = asyncio.timeout(route.timeout)
    try:
        async with limit:
            return await answer
    except TimeoutError:
        if not limit.expired():
            raise
        raise CallError(
            "DEADLINE_EXCEEDED", f"{route.title} was not answered within {route.timeout:g} s"
        ) from None


def _endpoint(called: _FlowCall, route: Route, signature: inspect.Signature) -> Endpoint:
    async def endpoint(**arguments: Any) -> Any:
        return await called(**arguments)

    _describe(endpoint, route, signature)
    return endpoint


def _free_endpoint(route: Route, signature: inspect.Signature) -> Callable[..., Any]:
    method = route.method
    if inspect.isasyncgenfunction(method) or inspect.isgeneratorfunction(method):
        return method  # FastAPI streams what it yields; there is no one answer to wait for
    is_async = inspect.iscoroutinefunction(method)

    async def endpoint(**arguments: Any) -> Any:
        running = method(**arguments) if is_async else run_in_threadpool(method, **arguments)
        try:
            return await _in_time(running, route)
        except Exception as error:  # noqa: BLE001  # the request ends here
            return _failed(route, error)

    _describe(endpoint, route, signature)
    return endpoint


def _describe(endpoint: Any, route: Route, signature: inspect.Signature) -> None:
    """Gives an endpoint what FastAPI reads of a function."""
    method = inspect.unwrap(route.method)
    endpoint.__signature__ = signature
    endpoint.__name__ = getattr(method, "__name__", "endpoint")
    endpoint.__doc__ = inspect.getdoc(route.method)


def _options(route: Route) -> dict[str, Any]:
    return {"tags": [route.flow], **route.options, "methods": [route.verb]}


def _encoder(api_route: Any) -> Callable[[Any], Response]:
    """Makes what turns a result into an answer, as FastAPI would; it runs in the engine's thread."""
    assert isinstance(api_route, APIRoute)
    model = None if api_route.response_model is None else TypeAdapter(api_route.response_model)
    shape: dict[str, Any] = {
        "include": api_route.response_model_include,
        "exclude": api_route.response_model_exclude,
        "by_alias": api_route.response_model_by_alias,
        "exclude_unset": api_route.response_model_exclude_unset,
        "exclude_defaults": api_route.response_model_exclude_defaults,
        "exclude_none": api_route.response_model_exclude_none,
    }
    chosen: Any = api_route.response_class
    make = getattr(chosen, "value", chosen)  # FastAPI wraps its default
    status = api_route.status_code or 200

    def encode(result: Any) -> Response:
        if isinstance(result, Response):
            return result
        if model is not None:
            content = model.dump_python(
                model.validate_python(result, from_attributes=True), mode="json", **shape
            )
        else:
            content = jsonable_encoder(result, **shape)
        return _make_response(make, content, status)

    return encode


def _make_response(make: Any, content: Any, status: int) -> Response:
    if status in (204, 304):  # these have no body
        return Response(status_code=status)
    response = make(content, status_code=status)
    assert isinstance(response, Response)
    return response

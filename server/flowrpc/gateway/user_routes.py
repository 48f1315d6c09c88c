"""Routes of the user: endpoints that call a flow in the engine, or a free function beside it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, NamedTuple, get_args, get_origin

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

_OWN_PARAMETER = "flowrpc_response"
"""What FastAPI passes to an endpoint whose method takes no `Response` itself: dependencies may set its headers."""
_EMPTY = (204, 304)
"""Statuses of answers that have no body."""


def add_route(app: FastAPI, route: Route, waiting: WaitingCalls) -> None:
    """Adds a route of the user to an application.

    Raises:
        StartError: FastAPI cannot serve it: an annotation, an option or the path is wrong.
    """
    try:
        signature = inspect.signature(route.method, eval_str=True)
        if route.in_flow:
            called = _FlowCall(route, waiting)
            endpoint = _endpoint(called, route, signature)
            app.add_api_route(route.path, endpoint, methods=[route.verb], **_options(route))
            called.encode = _encoder(app.routes[-1])
        else:
            endpoint = _free_endpoint(route, signature)
            app.add_api_route(route.path, endpoint, methods=[route.verb], **_options(route))
    except Exception as error:
        raise StartError(
            f"the route {route.title} of {route.flow} cannot be served: {type(error).__name__}: {error}"
        ) from error


class _Encoded(NamedTuple):
    """The answer that a result became."""

    response: Response
    is_users: bool = False
    """Whether user code made it; FastAPI adds nothing to such a one."""


class _FlowCall:
    """Calls a method of a flow in the engine, and waits for what is to be sent."""

    def __init__(self, route: Route, waiting: WaitingCalls) -> None:
        self._route = route
        self._waiting = waiting
        self.encode: Callable[[Any], _Encoded] = _plainly

    async def __call__(self, given: Response, arguments: dict[str, Any]) -> Response:
        """Answers; takes what user code can set the status and headers of an answer on, too."""
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
        encoded: _Encoded = _plainly(None) if outcome.ended else outcome.content
        return encoded.response if encoded.is_users else _with_what_was_set(encoded.response, given)


def _plainly(result: Any) -> _Encoded:
    return _Encoded(JSONResponse(result))


def _with_what_was_set(answer: Response, given: Response) -> Response:
    """Gives an answer the status and the headers that user code set on FastAPI's `Response`, as FastAPI does."""
    answer.raw_headers.extend(given.raw_headers)
    answer.status_code = getattr(given, "status_code", None) or answer.status_code  # None, unless it was set
    return _without_body(answer) if answer.status_code in _EMPTY else answer


def _without_body(answer: Response) -> Response:
    empty = Response(status_code=answer.status_code)
    of_body = (b"content-length", b"content-type")
    empty.raw_headers.extend((name, value) for name, value in answer.raw_headers if name not in of_body)
    return empty


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
    taken = next((each.name for each in signature.parameters.values() if _is_response(each)), "")

    async def endpoint(**arguments: Any) -> Any:
        given = arguments[taken] if taken else arguments.pop(_OWN_PARAMETER)
        return await called(given, arguments)

    _describe(endpoint, route, signature if taken else _with_own_parameter(signature))
    return endpoint


def _with_own_parameter(signature: inspect.Signature) -> inspect.Signature:
    own = inspect.Parameter(_OWN_PARAMETER, inspect.Parameter.KEYWORD_ONLY, annotation=Response)
    parameters = sorted([*signature.parameters.values(), own], key=lambda each: each.kind)
    return signature.replace(parameters=parameters)


def _is_response(parameter: inspect.Parameter) -> bool:
    """Tells whether FastAPI passes its `Response` as a parameter."""
    plain = get_args(parameter.annotation)[0] if get_origin(parameter.annotation) is Annotated else None
    plain = plain or parameter.annotation
    return inspect.isclass(plain) and issubclass(plain, Response)


def _free_endpoint(route: Route, signature: inspect.Signature) -> Callable[..., Any]:
    method = route.method
    if inspect.isasyncgenfunction(method) or inspect.isgeneratorfunction(method):
        return method  # FastAPI streams what it yields; there is no one answer to wait for
    is_async = _is_async(method)

    async def endpoint(**arguments: Any) -> Any:
        running = method(**arguments) if is_async else run_in_threadpool(method, **arguments)
        try:
            return await _in_time(running, route)
        except Exception as error:  # noqa: BLE001  # the request ends here
            return _failed(route, error)

    _describe(endpoint, route, signature)
    return endpoint


def _is_async(method: Callable[..., Any]) -> bool:
    """Tells whether a function, or an object that is called as one, is async."""
    return inspect.iscoroutinefunction(method) or inspect.iscoroutinefunction(type(method).__call__)


def _describe(endpoint: Any, route: Route, signature: inspect.Signature) -> None:
    """Gives an endpoint what FastAPI reads of a function."""
    method = inspect.unwrap(route.method)
    endpoint.__signature__ = signature
    endpoint.__name__ = getattr(method, "__name__", "endpoint")
    endpoint.__doc__ = inspect.getdoc(route.method)


def _options(route: Route) -> dict[str, Any]:
    return {"tags": [route.flow], **route.options}


def _encoder(api_route: Any) -> Callable[[Any], _Encoded]:
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

    def encode(result: Any) -> _Encoded:
        if isinstance(result, Response):
            return _Encoded(result, is_users=True)
        if model is not None:
            content = model.dump_python(
                model.validate_python(result, from_attributes=True), mode="json", **shape
            )
        else:
            content = jsonable_encoder(result, **shape)
        return _Encoded(_make_response(make, content, status))

    return encode


def _make_response(make: Any, content: Any, status: int) -> Response:
    if status in _EMPTY:
        return Response(status_code=status)
    response = make(content, status_code=status)
    assert isinstance(response, Response)
    return response

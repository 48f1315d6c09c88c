"""PythonServer: a work that answers requests for predictions over HTTP."""

from __future__ import annotations

import inspect
import logging
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from flowrpc.component.work import LightningWork
from flowrpc.components.served_types import chosen_types
from flowrpc.errors import StartError

if TYPE_CHECKING:
    from flowrpc.components.http_server import HttpServer
    from flowrpc.components.predictions import Predictions

logger = logging.getLogger(__name__)


class PythonServer(LightningWork):
    """Serves `predict` at `POST /predict` of its `url`, until it is stopped. Override `predict`, and maybe `setup`.

    `/` is a small page, `/docs` shows types and sends requests, `/healthz` is for probes. There is no login, and only
    this host reaches it unless `host` says otherwise.

    Args:
        input_type: What `predict` takes: a pydantic model, a dataclass, or `dict` for any JSON object. None: what
            `predict` is annotated with, else an object with the text `payload`.
        output_type: What it returns, in the same way; without it, an object with the text `prediction`.
        work_kwargs: What a `LightningWork` takes. It is parallel, because its run does not end.

    Raises:
        TypeError: A type cannot be served.
    """

    def __init__(
        self, input_type: type | None = None, output_type: type | None = None, **work_kwargs: Any
    ) -> None:
        super().__init__(**{"parallel": True, **work_kwargs})
        types = chosen_types(self.predict, input_type, output_type, f"{type(self).__name__}()")
        self._input_type, self._output_type = types

    def setup(self, *args: Any, **kwargs: Any) -> None:
        """Is called before the server starts, with the arguments of `run`: load a model here, into `self._model`."""

    @abstractmethod
    def predict(self, request: Any) -> Any:
        """Answers a request.

        It is called in the work's own thread, one request after another, so it may set state. `async def predict` is
        executed in the server's thread instead, many at a time, and may not. What it raises is logged, and answered
        with status 500; FastAPI's `HTTPException` with the status and detail that it has.
        """

    def configure_input_type(self) -> Any:
        """Returns what `predict` takes."""
        return self._input_type

    def configure_output_type(self) -> Any:
        """Returns what `predict` returns."""
        return self._output_type

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Calls `setup`, and serves until it is cancelled.

        Raises:
            StartError: A package is missing where the work runs, or the server ended by itself.
            OSError: The port is in use.
        """
        from flowrpc.components.predictions import Predictions

        self.setup(*args, **kwargs)
        predictions = Predictions()
        server = self._server(predictions)
        try:
            server.start()
            predictions.serve(self._predicted)
        finally:
            server.end(first=predictions.refuse)
        raise StartError(f"{self.name}: its HTTP server ended; the log tells why")

    def _server(self, predictions: Predictions) -> HttpServer:
        try:
            from flowrpc.components.http_server import HttpServer, listen
            from flowrpc.components.prediction_api import prediction_api
        except ModuleNotFoundError as error:
            raise StartError(
                f"{self.name}: serving needs the package {error.name}, which is not installed where the work runs; "
                "install it there"
            ) from None
        app = prediction_api(
            title=self.display_name or type(self).__name__,
            text=inspect.cleandoc(type(self).__doc__ or ""),
            host=self.host,
            types=(self.configure_input_type(), self.configure_output_type()),
            ask=self._asynchronously if inspect.iscoroutinefunction(self.predict) else predictions.ask,
        )
        listener = listen(self.host, self.port)
        logger.info("%s serves on %s port %d", self.name, self.host, self.port)
        return HttpServer(app, listener, on_end=predictions.end)

    def _predicted(self, request: Any) -> Any:
        try:
            return self.predict(request)
        except Exception as error:  # noqa: BLE001  # the end of user code, for this request
            raise self._explained(error) from None

    async def _asynchronously(self, request: Any) -> Any:
        try:
            return await self.predict(request)
        except Exception as error:  # noqa: BLE001  # the end of user code, for this request
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> Exception:
        """Returns what is answered; what was raised by mistake is logged."""
        from starlette.exceptions import HTTPException

        from flowrpc.components.predictions import PredictionFailedError

        if isinstance(error, HTTPException):
            return error
        logger.error("%s.predict raised", self.name, exc_info=error)
        return PredictionFailedError()

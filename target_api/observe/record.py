"""Counts every request: truth on arrival, truth and metrics at its end."""

import logging
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from target_api.errors import problem_response
from target_api.observe.context import RequestContext, context_of
from target_api.observe.metrics import Metrics
from target_api.route_table import RouteTable
from target_api.shared.truth import TruthBlock

_log = logging.getLogger("target_api.request")


class RecordMiddleware:
    """Counts, and turns what nobody handled into a 500 so that it is counted as one.

    Args:
        app: What is wrapped.
        routes: The route table.
        truth: This worker's truth counters.
        metrics: This worker's metrics.
    """

    def __init__(self, app: ASGIApp, *, routes: RouteTable, truth: TruthBlock, metrics: Metrics) -> None:
        self._app = app
        self._labels = routes.labels
        self._probe = routes.probe
        self._truth = truth
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        context = context_of(scope)
        self._truth.received(context.route)
        loaded = not self._probe[context.route]
        if loaded:
            self._metrics.inflight.inc()
        try:
            await self._app(scope, receive, send)
        except Exception:
            _log.exception("unhandled error, request %s", context.request_id.decode())
            if scope["type"] == "http" and not context.status:
                await problem_response(500, "internal error")(scope, receive, send)
            else:
                raise  # the response has begun: only closing the connection tells the client that it is incomplete
        finally:
            if loaded:
                self._metrics.inflight.dec()
            self._ended(context)

    def _ended(self, context: RequestContext) -> None:
        self._truth.answered(context.route, context.status)
        seconds = (time.monotonic_ns() - context.started_ns) / 1e9
        self._metrics.ended(self._labels[context.route], context.status, seconds)

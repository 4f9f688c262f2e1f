"""Counts every request: truth on arrival, truth and metrics at its end."""

import logging
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from loadcore_target.errors import problem_response
from loadcore_target.observe.context import RequestContext, context_of
from loadcore_target.observe.metrics import Metrics
from loadcore_target.route_table import RouteTable
from loadcore_target.shared.request_log import RequestLogWriter
from loadcore_target.shared.truth import TruthBlock

_log = logging.getLogger("loadcore_target.request")


class RecordMiddleware:
    """Counts, and turns unhandled errors into a 500 so that it is counted as one.

    Args:
        app: What is wrapped.
        routes: The route table.
        truth: This worker's truth counters.
        request_log: This worker's request-id log.
        metrics: This worker's metrics.
        logged_share: Share of the requests that get a log line.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: RouteTable,
        truth: TruthBlock,
        request_log: RequestLogWriter,
        metrics: Metrics,
        logged_share: float,
    ) -> None:
        self._app = app
        self._labels = routes.labels
        self._probe = routes.probe
        self._truth = truth
        self._request_log = request_log
        self._metrics = metrics
        self._logged_share = logged_share
        self._unlogged = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        context = context_of(scope)
        self._truth.received(context.route)
        loaded = not self._probe[context.route]
        if loaded:
            context.log_row = self._request_log.received(context.request_id, context.route)
            self._metrics.inflight.inc()
        context.at_end = self._ended
        try:
            await self._app(scope, receive, send)
        except Exception:
            _log.exception("unhandled error, request %s", context.request_id.decode())
            if scope["type"] == "http" and not context.status:
                await problem_response(500, "internal error")(scope, receive, send)
            else:
                raise  # the response has begun: only closing the connection tells the client that it is incomplete
        finally:
            context.end()

    def _ended(self, context: RequestContext) -> None:
        route, status = context.route, context.status
        seconds = (time.monotonic_ns() - context.started_ns) / 1e9
        self._truth.answered(route, status)
        self._request_log.ended(context.log_row, route, status, context.fault, seconds)
        self._metrics.ended(self._labels[route], status, seconds)
        if not self._probe[route]:
            self._metrics.inflight.dec()
        # Every n-th request, not a random one: the share is exact and costs no random number.
        self._unlogged += self._logged_share
        if self._unlogged >= 1:
            self._unlogged -= 1
            fields: dict[str, object] = {
                "request_id": context.request_id.decode("latin-1"),
                "route": self._labels[route],
                "status": status,
                "duration_ms": round(seconds * 1000, 3),
            }
            if context.fault:
                fields["fault"] = context.fault
            _log.info("request", extra={"fields": fields})

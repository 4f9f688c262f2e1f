"""Injects the faults of the program, in front of the handlers."""

import asyncio
import math

from starlette.types import ASGIApp, Receive, Scope, Send

from target_api.errors import problem_response
from target_api.faults import FaultSource
from target_api.observe.context import RequestContext, context_of
from target_api.observe.metrics import Metrics
from target_api.route_table import RouteTable
from target_api.shared.control import ControlPage, Word
from target_api.shared.truth import TruthBlock


class FaultGate:
    """Pure ASGI middleware that obeys the shared fault program.

    Order for one request: the capacity queue, then added latency, then an injected error. Probes are never touched.

    Args:
        app: What is wrapped.
        routes: The route table.
        control: Holds the program and the capacity queue.
        truth: Counts what was injected.
        metrics: Counts the same for Prometheus.
        worker: Number of this worker, part of the seed.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: RouteTable,
        control: ControlPage,
        truth: TruthBlock,
        metrics: Metrics,
        worker: int,
    ) -> None:
        self._app = app
        self._labels = routes.labels
        self._probe = routes.probe
        self._control = control
        self._truth = truth
        self._metrics = metrics
        self._worker = worker
        self._version = -1
        self._source = FaultSource(control.program()[1], worker)

    def _current(self) -> FaultSource:
        version = self._control.words[Word.FAULTS]
        if version != self._version and version % 2 == 0:
            self._version, program = self._control.program()
            self._source = FaultSource(program, self._worker)
        return self._source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or connection."""
        source = self._current()
        if source.idle or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = context_of(scope)
        if self._probe[context.route] or not source.touches(self._labels[context.route]):
            await self._app(scope, receive, send)
            return
        if source.interval_ns and not await self._pass_capacity(source, context):
            retry_after = str(math.ceil(source.longest_wait_ns / 1e9))
            await problem_response(503, "over capacity", {"Retry-After": retry_after})(scope, receive, send)
            return
        if source.latency is not None:
            self._count(context, "latency")
            await asyncio.sleep(source.draw_delay())
        if source.draw_error():
            self._count(context, "error")
            code = source.program.error_code
            headers = {"Retry-After": "1"} if code in {429, 503} else {}
            await problem_response(code, "injected error", headers)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _pass_capacity(self, source: FaultSource, context: RequestContext) -> bool:
        wait_ns = self._control.take_turn(source.interval_ns, source.longest_wait_ns)
        if wait_ns is None:
            self._count(context, "capacity_refused")
            return False
        if wait_ns > 0:
            self._count(context, "capacity_wait")
            context.add_timing("queue", wait_ns / 1e9)
            await asyncio.sleep(wait_ns / 1e9)
        return True

    def _count(self, context: RequestContext, kind: str) -> None:
        context.fault = kind
        self._truth.faulted(kind)
        self._metrics.faults.labels(kind).inc()

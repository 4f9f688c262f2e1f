"""Injects the faults of the program, in front of the handlers."""

import json
import math
import time

from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from loadcore_target.cache import AnswerCache
from loadcore_target.connection import is_loopback
from loadcore_target.errors import problem_response
from loadcore_target.fault_effects import Leaks, burn_cpu, misbehave, pause
from loadcore_target.faults import FaultProgram, FaultSource
from loadcore_target.observe.context import RequestContext, context_of
from loadcore_target.observe.metrics import Metrics
from loadcore_target.route_table import RouteTable
from loadcore_target.shared.control import ControlPage, Word
from loadcore_target.shared.truth import MAX_WORKERS, TruthBlock

_HEADER = b"x-fault"
_REMEMBERED = 256


class FaultGate:
    """Pure ASGI middleware that obeys the shared fault program, and `X-Fault` of a single request.

    Order for one request: stall, leak, the capacity queue, added latency, computing, an injected error, a connection
    that misbehaves. Probes and administration are never touched.

    Args:
        app: What is wrapped.
        routes: The route table.
        control: Holds the program and the capacity queue.
        truth: Counts what was injected.
        metrics: Counts the same for Prometheus.
        cache: Told how often it is flushed.
        worker: Number of this worker, part of the seed.
        per_request: Whether clients on loopback may send `X-Fault`, a fault program as JSON for that request.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: RouteTable,
        control: ControlPage,
        truth: TruthBlock,
        metrics: Metrics,
        cache: AnswerCache,
        worker: int,
        per_request: bool,
    ) -> None:
        self._app = app
        self._labels = routes.labels
        self._probe = routes.probe
        self._control = control
        self._truth = truth
        self._metrics = metrics
        self._cache = cache
        self._worker = worker
        self._per_request = per_request
        self._leaks = Leaks()
        self._version = -1
        self._source = FaultSource(FaultProgram(), worker, 0.0)
        self._stalled_until = 0.0
        self._own: dict[bytes, FaultSource] = {}

    def _current(self) -> FaultSource:
        version = self._control.words[Word.FAULTS]
        if version != self._version and version % 2 == 0:
            self._version, program = self._control.program()
            self._source = FaultSource(program, self._worker, self._control.program_set_at)
            self._leaks.give_back()
            self._cache.flush_every(None if self._source.idle else self._source.cache_flush_s)
        return self._source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or connection."""
        source = self._current()
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = context_of(scope)
        if self._per_request:
            text = next((value for name, value in scope["headers"] if name == _HEADER), None)
            if text is not None and _from_loopback(scope):
                own = self._own_source(text)
                if own is None:
                    await problem_response(400, "X-Fault is not a fault program")(scope, receive, send)
                    return
                source = own
        untouched = source.idle or self._probe[context.route] or not source.touches(self._labels[context.route])
        if untouched:
            await self._app(scope, receive, send)
        else:
            await self._serve(source, context, scope, receive, send)

    def _own_source(self, text: bytes) -> FaultSource | None:
        """The source of an `X-Fault` header, kept so that its random sequence continues with the next such request."""
        source = self._own.get(text)
        if source is None:
            try:
                program = FaultProgram.model_validate(json.loads(text))
                program.check_places(self._labels, MAX_WORKERS)
            except (ValueError, ValidationError, RecursionError):
                return None
            if len(self._own) >= _REMEMBERED:
                self._own.clear()
            source = self._own[text] = FaultSource(program, self._worker, time.monotonic())
        return source

    async def _serve(
        self, source: FaultSource, context: RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._stall(source, context)
        if source.program.leak is not None:
            self._count(context, "leak")
            self._leaks.add(source.program.leak)
        if source.interval_ns and not await self._pass_capacity(source, context):
            retry_after = str(math.ceil(source.longest_wait_ns / 1e9))
            await problem_response(503, "over capacity", {"Retry-After": retry_after})(scope, receive, send)
            return
        await self._delay(source, context)
        if source.draw_error():
            self._count(context, "error")
            code = source.program.error_code
            headers = {"Retry-After": "1"} if code in {429, 503} else {}
            await problem_response(code, "injected error", headers)(scope, receive, send)
            return
        if source.closes():
            self._count(context, "keepalive")
            context.headers.append((b"connection", b"close"))
        drop = source.draw_drop()
        if drop is not None:
            self._count(context, drop)
            await misbehave(drop, source.trickle_bytes_s, self._app, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _stall(self, source: FaultSource, context: RequestContext) -> None:
        """Blocks the whole worker, so that also requests stall which arrive later: they get no response."""
        now = time.monotonic()
        left = source.stall_left(now)
        # Requests that waited during a stall arrive at its end: they must not begin it again.
        if left > 0 and now >= self._stalled_until:
            self._stalled_until = now + left
            self._count(context, "stall")
            time.sleep(left)

    async def _delay(self, source: FaultSource, context: RequestContext) -> None:
        delay = source.draw_delay(time.monotonic())
        if delay > 0:
            self._count(context, "latency")
            await pause(delay)
        burn = source.draw_cpu()
        if burn > 0:
            self._count(context, "cpu")
            burn_cpu(burn)

    async def _pass_capacity(self, source: FaultSource, context: RequestContext) -> bool:
        wait_ns = self._control.take_turn(source.interval_ns, source.longest_wait_ns)
        if wait_ns is None:
            self._count(context, "capacity_refused")
            return False
        if wait_ns > 0:
            self._count(context, "capacity_wait")
            context.add_timing("queue", wait_ns / 1e9)
            await pause(wait_ns / 1e9)
        return True

    def _count(self, context: RequestContext, kind: str) -> None:
        context.fault = kind
        self._truth.faulted(kind)
        self._metrics.faults.labels(kind).inc()


def _from_loopback(scope: Scope) -> bool:
    client = scope.get("client")
    return client is not None and is_loopback(client[0])

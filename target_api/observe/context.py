"""The context of one request: its id, route, timings; and the headers that tell the client about them."""

import os
import re
import time
from typing import TYPE_CHECKING, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loadcore_target.route_table import RouteTable
from loadcore_target.shared.control import ControlPage, Word

if TYPE_CHECKING:
    from collections.abc import Callable

_SAFE_ID = re.compile(rb"[A-Za-z0-9._~+/=:-]{1,64}")
_TRACEPARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = "gateway.context"


class RequestContext:
    """What is known about one request while it is served.

    Attributes:
        route: Index in the route table.
        request_id: The client's `X-Request-Id`, or one made here.
        traceparent: The W3C trace context to hand on: the client's, or a new one.
        started_ns: CLOCK_MONOTONIC when the request's head had arrived.
        status: Status of the response begun, 0 before that.
        fault: Name of the injected fault, if any.
        timings: Parts of `Server-Timing`.
        headers: Further headers of the response.
        log_row: The position of the request in the request-id log, -1 if it does not.
        at_end: Called once, before the last part of the response goes out or when there will be none: a client that
            has the whole response finds it counted.
    """

    __slots__ = (
        "at_end",
        "fault",
        "headers",
        "log_row",
        "request_id",
        "route",
        "started_ns",
        "status",
        "timings",
        "traceparent",
    )

    def __init__(self, route: int, request_id: bytes, traceparent: bytes | None, started_ns: int) -> None:
        self.route = route
        self.request_id = request_id
        self.traceparent = traceparent
        self.started_ns = started_ns
        self.status = 0
        self.fault = ""
        self.timings: list[tuple[str, float]] = []
        self.headers: list[tuple[bytes, bytes]] = []
        self.log_row = -1
        self.at_end: Callable[[RequestContext], None] | None = None

    def end(self) -> None:
        """Calls `at_end`, the first time."""
        at_end, self.at_end = self.at_end, None
        if at_end is not None:
            at_end(self)

    def add_timing(self, name: str, seconds: float) -> None:
        """Adds one part to `Server-Timing`; the parts overlap where the work did."""
        self.timings.append((name, seconds))

    def trace_header(self) -> bytes:
        """The `traceparent` to send upstream."""
        if self.traceparent is None:
            self.traceparent = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01".encode()
        return self.traceparent


def context_of(scope: Scope) -> RequestContext:
    """The context of the request with this scope."""
    return cast("RequestContext", scope[_KEY])


class ContextMiddleware:
    """Makes the context and writes `X-Request-Id`, `X-Replica`, `Server-Timing`; `Connection: close` when draining.

    Args:
        app: What is wrapped.
        routes: The route table.
        control: Says whether the gateway is draining.
        replica: The name that this replica gives itself in `X-Replica`.
    """

    def __init__(self, app: ASGIApp, *, routes: RouteTable, control: ControlPage, replica: str) -> None:
        self._app = app
        self._find = routes.find
        self._words = control.words
        self._replica = (b"x-replica", replica.encode("latin-1"))
        self._prefix = os.urandom(6).hex()
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id: bytes | None = None
        traceparent: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
                request_id = value
            elif name == b"traceparent" and _TRACEPARENT.fullmatch(value):
                traceparent = value
        if request_id is None:
            self._count += 1
            request_id = f"{self._prefix}-{self._count:x}".encode()
        context = RequestContext(self._find(scope), request_id, traceparent, time.monotonic_ns())
        scope[_KEY] = context

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                self._write_headers(context, message)
            elif message["type"] == "http.response.body" and not message.get("more_body"):
                context.end()
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _write_headers(self, context: RequestContext, message: Message) -> None:
        headers = message.setdefault("headers", [])
        headers.append((b"x-request-id", context.request_id))
        headers.append(self._replica)
        headers.extend(context.headers)
        total = (time.monotonic_ns() - context.started_ns) / 1e6
        parts = [f"{name};dur={seconds * 1e3:.3f}" for name, seconds in context.timings]
        parts.append(f"total;dur={total:.3f}")
        headers.append((b"server-timing", ", ".join(parts).encode()))
        if self._words[Word.DRAINING]:
            headers.append((b"connection", b"close"))

"""Calls to upstream services: pooled connections, one deadline, careful retries, a breaker."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp
from yarl import URL

from loadcore_target.breaker import Breaker, RetryBudget
from loadcore_target.errors import ProblemError
from loadcore_target.observe.metrics import Metrics
from loadcore_target.settings import Settings

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
SHORT_BODY = 64 * 1024
"""Bodies up to this size are read whole: a request can then be repeated, a response goes out in one piece."""
_BAD_GATEWAY = frozenset({502, 503, 504})
_KNOWN_STATUSES = range(200, 600)
"""What an upstream may answer: 101 would make a tunnel of the connection, and others mean nothing to a client."""
_ITS_OWN_FAULT = 0.9
"""Share of the gateway's own deadline that an upstream must have had, for a timeout to be its fault."""


class ClientGoneError(Exception):
    """The client left before its body had arrived."""


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One request to send on.

    Args:
        service: Name of the upstream.
        method: HTTP method.
        target: Path and query as they shall go out, already encoded.
        headers: What to send, in order; hop-by-hop headers are gone already.
        body: Bytes can be sent again, a stream cannot; `None` for no body.
        deadline_s: Seconds that remain for all tries together.
    """

    service: str
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes | AsyncIterator[bytes] | None
    deadline_s: float


@dataclass(slots=True)
class _Trace:
    """What the connector told about one request."""

    queued_at: float = 0.0
    waited_s: float = 0.0
    waiting: bool = False

    def waited_until(self, now: float) -> float:
        """Seconds spent waiting for a connection, one that is still waited for included."""
        return self.waited_s + (now - self.queued_at if self.waiting else 0.0)


@dataclass(slots=True)
class UpstreamAnswer:
    """An upstream's response.

    Args:
        response: The response; leaving the context of `Upstreams.send` releases it.
        body: The whole body when it is short, or `None` when it is still on its way.
        took_s: Seconds until head (and body, if it is here) had arrived.
        waited_s: Seconds spent waiting for a connection of the pool.
        tries: Requests sent, 2 after a retry.
    """

    response: aiohttp.ClientResponse
    body: bytes | None
    took_s: float
    waited_s: float
    tries: int


@dataclass(slots=True)
class _Service:
    base: URL
    breaker: Breaker
    budget: RetryBudget = field(default_factory=RetryBudget)

    def url_of(self, target: str) -> URL:
        """The URL of an encoded path and query at this service: put together of parts, so that it stays there."""
        path, _, query = target.partition("?")
        base = self.base
        return URL.build(
            scheme=base.scheme,
            authority=base.raw_authority,
            path=f"{base.raw_path.rstrip('/')}{path}",
            query_string=query,
            encoded=True,
        )


class Upstreams:
    """All upstream services of one worker.

    Args:
        settings: Their base URLs, the size of the pool, the deadline, the breaker.
        metrics: Shows waiting, durations, retries and open breakers.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._services = {
            name: _Service(URL(base.rstrip("/")), Breaker(settings.breaker_failures, settings.breaker_open_s))
            for name, base in settings.upstreams.items()
        }
        self._session: aiohttp.ClientSession

    async def open(self) -> None:
        """Makes the pool."""
        trace = aiohttp.TraceConfig()
        trace.on_connection_queued_start.append(self._on_queued)
        trace.on_connection_queued_end.append(self._on_dequeued)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, limit_per_host=self._settings.upstream_connections, keepalive_timeout=60
            ),
            auto_decompress=False,  # what the upstream encoded goes to the client as it is
            cookie_jar=aiohttp.DummyCookieJar(),  # one user's cookies must not reach another
            trace_configs=[trace],
        )
        # aiohttp would repeat idempotent requests by itself, outside the budget and without anyone seeing it.
        self._session._retry_connection = False  # noqa: SLF001

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()

    async def _on_queued(self, _session: object, context: SimpleNamespace, _params: object) -> None:
        trace = _trace_of(context)
        trace.queued_at, trace.waiting = time.perf_counter(), True
        self._metrics.upstream_waiting.inc()

    async def _on_dequeued(self, _session: object, context: SimpleNamespace, _params: object) -> None:
        trace = _trace_of(context)
        trace.waited_s += time.perf_counter() - trace.queued_at
        trace.waiting = False
        self._metrics.upstream_waiting.dec()

    def states(self) -> dict[str, str]:
        """State of each service's breaker in this worker."""
        return {name: service.breaker.state for name, service in self._services.items()}

    @contextlib.asynccontextmanager
    async def send(self, request: UpstreamRequest) -> AsyncIterator[UpstreamAnswer]:
        """The answer of an upstream, released on leaving.

        Raises:
            ProblemError: 404 for an unknown service, 503 when its breaker is open, 502 when it cannot be reached or
                breaks off, 504 when the deadline passes first.
        """
        service = self._services.get(request.service)
        if service is None:
            raise ProblemError(404, f"unknown upstream {request.service!r}")
        begin = time.perf_counter()
        trace = _Trace()
        try:
            async with asyncio.timeout(request.deadline_s):
                answer = await self._try(service, request, trace)
        except TimeoutError:
            now = time.perf_counter()
            had_s = now - begin - trace.waited_until(now)
            # A client that is in a hurry, or a pool that is full, says nothing about the upstream.
            if had_s >= _ITS_OWN_FAULT * self._settings.upstream_timeout_s:
                service.breaker.failed()
            self._observe(request.service, begin, "timeout")
            raise ProblemError(504, f"the upstream did not answer within {request.deadline_s:g} s") from None
        except (aiohttp.ClientError, ClientGoneError) as error:
            if _is_client_gone(error):
                self._observe(request.service, begin, "client_gone")
                raise ProblemError(400, "the body did not arrive whole") from None
            service.breaker.failed()
            self._observe(request.service, begin, "error")
            raise ProblemError(502, f"the upstream failed: {type(error).__name__}") from None
        if answer.response.status not in _KNOWN_STATUSES:
            service.breaker.failed()
            self._observe(request.service, begin, "error")
            answer.response.close()
            raise ProblemError(502, f"the upstream answered with status {answer.response.status}")
        if answer.response.status in _BAD_GATEWAY:
            service.breaker.failed()
        else:
            service.breaker.succeeded()
        try:
            yield answer
        finally:
            answer.response.release()
            self._observe(request.service, begin, str(answer.response.status))

    def _observe(self, service: str, begin: float, result: str) -> None:
        self._metrics.upstream_seconds.labels(service).observe(time.perf_counter() - begin)
        self._metrics.upstream_requests.labels(service, result).inc()

    async def _try(self, service: _Service, request: UpstreamRequest, trace: _Trace) -> UpstreamAnswer:
        """Sends once, and once more where that cannot do harm and the budget allows it."""
        if not service.breaker.allows():
            self._metrics.breaker_refused.labels(request.service).inc()
            raise ProblemError(503, "the upstream is failing; not asked", {"Retry-After": service.breaker.retry_after})
        service.budget.deposit()
        try:
            return await self._once(service, request, trace, 1)
        except aiohttp.ClientError as error:
            if not _may_repeat(request, error) or not service.budget.withdraw():
                raise
        self._metrics.upstream_retries.labels(request.service).inc()
        return await self._once(service, request, trace, 2)

    async def _once(self, service: _Service, request: UpstreamRequest, trace: _Trace, tries: int) -> UpstreamAnswer:
        begin = time.perf_counter()
        response = await self._session.request(
            request.method,
            service.url_of(request.target),
            headers=request.headers,
            data=request.body,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None),
            trace_request_ctx=trace,
        )
        body = None
        if request.method == "HEAD" or (response.content_length or SHORT_BODY + 1) <= SHORT_BODY:
            body = await response.read()
        return UpstreamAnswer(response, body, time.perf_counter() - begin, trace.waited_s, tries)


def _trace_of(context: SimpleNamespace) -> _Trace:
    trace = context.trace_request_ctx
    assert isinstance(trace, _Trace)  # noqa: S101 - `_once` gave it
    return trace


def _is_client_gone(error: BaseException | None) -> bool:
    """Whether it was the client's body that broke off: aiohttp wraps what a body raises in an error of its own."""
    while error is not None:
        if isinstance(error, ClientGoneError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _may_repeat(request: UpstreamRequest, error: aiohttp.ClientError) -> bool:
    """Nothing was sent when connecting failed; otherwise only what is idempotent and still at hand is repeated."""
    if request.body is not None and not isinstance(request.body, bytes):
        return False
    return isinstance(error, aiohttp.ClientConnectorError) or request.method in _IDEMPOTENT

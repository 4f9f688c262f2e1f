"""`/proxy/{service}/{path}`: the gateway proper."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Path, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from loadcore_target.dependencies import AnyPrincipal, Exchange, ExchangeDep
from loadcore_target.errors import ProblemError
from loadcore_target.routes.documented import problems
from loadcore_target.security.tokens import Principal
from loadcore_target.upstream import SHORT_BODY, ClientGoneError, UpstreamAnswer, UpstreamRequest

router = APIRouter(prefix="/proxy", tags=["proxy"])

_HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_NOT_SENT_ON = _HOP_BY_HOP | {
    "authorization", "content-length", "host", "traceparent", "via", "x-authenticated-user", "x-forwarded-for",
    "x-forwarded-proto", "x-request-id", "x-timeout-ms",
}  # fmt: skip
_NOT_SENT_BACK = _HOP_BY_HOP | {"date", "server", "server-timing", "via", "x-replica", "x-request-id"}
_VIA = "1.1 loadcore-gateway"
_LONGEST_DEADLINE = 10
"""Digits of `X-Timeout-Ms`: more are a mistake, and what is beyond the gateway's own deadline does not matter."""
_DOTS = frozenset({".", ".."})
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


async def proxy(
    service: Annotated[str, Path(max_length=64)],
    path: Annotated[str, Path(description="At the upstream, slashes included")],  # noqa: ARG001 - sent on as it was written
    request: Request,
    principal: AnyPrincipal,
    exchange: ExchangeDep,
) -> Response:
    """Sends the request on to an upstream and its answer back.

    The token stays here: the upstream gets `X-Authenticated-User`. `X-Timeout-Ms` says how long the client still
    waits; the upstream gets what is left of it.
    """
    outgoing = await _outgoing(service, request, principal, exchange)
    async with AsyncExitStack() as stack:
        answer = await stack.enter_async_context(exchange.services.upstreams.send(outgoing))
        if answer.waited_s:
            exchange.context.add_timing("queue", answer.waited_s)
        exchange.context.add_timing("upstream", answer.took_s)
        return _incoming(answer, stack)


for _method in _METHODS:
    router.add_api_route(
        "/{service}/{path:path}",
        proxy,
        methods=[_method],
        operation_id=f"proxy{_method.title()}",
        response_class=Response,
        responses=problems(400, 401, 404, 422, 429, 502, 503, 504),
    )


async def _outgoing(service: str, request: Request, principal: Principal, exchange: Exchange) -> UpstreamRequest:
    deadline_s = _deadline(request, exchange.services.settings.upstream_timeout_s)
    context = exchange.context
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in _kept(request.headers.raw, request.headers.get("connection"), _NOT_SENT_ON)
    ]
    client = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for")
    headers += [
        ("x-forwarded-for", f"{forwarded}, {client}" if forwarded else client),
        ("x-forwarded-proto", request.url.scheme),
        ("x-authenticated-user", principal.subject),
        ("x-request-id", context.request_id.decode()),
        ("traceparent", context.trace_header().decode()),
        ("x-timeout-ms", str(round(deadline_s * 1000))),
        ("via", ", ".join([*request.headers.getlist("via"), _VIA])),
    ]
    return UpstreamRequest(
        service, request.method, _target(request, service), headers, await _body(request), deadline_s
    )


def _target(request: Request, service: str) -> str:
    """Path and query as the client wrote them: decoding and encoding again would change what they mean.

    The router matched the decoded path, in which an encoded slash is a slash like any other. What is sent on is cut
    from the raw one, whose segments must mean the same: else part of the service's name would become part of the URL.
    """
    raw_path: bytes = request.scope["raw_path"]
    _, _, name, *rest = raw_path.decode("latin-1").split("/", 3)
    if unquote(name) != service:
        raise ProblemError(404, "the upstream does not exist")
    path = "/" + "".join(rest)
    if any(unquote(segment) in _DOTS for segment in path.split("/")):
        raise ProblemError(400, "the path must not contain . or .. segments")
    query: bytes = request.scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path


def _deadline(request: Request, longest_s: float) -> float:
    text = request.headers.get("x-timeout-ms")
    if text is None:
        return longest_s
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_DEADLINE or not int(text):
        raise ProblemError(400, "X-Timeout-Ms is not a number of milliseconds")
    return min(longest_s, int(text) / 1000)


def _kept(
    headers: Iterable[tuple[bytes, bytes]], connection: str | None, dropped: frozenset[str]
) -> Iterable[tuple[bytes, bytes]]:
    """The headers to forward, byte for byte, under names in lower case.

    An underscore counts as a hyphen in what is dropped: servers behind CGI read both as one name.
    """
    named = {name.strip().lower() for name in connection.split(",")} if connection else set()
    for name, value in headers:
        lower = name.lower()
        spelled = lower.decode("latin-1")
        if spelled.replace("_", "-") not in dropped and spelled not in named:
            yield lower, value


async def _body(request: Request) -> bytes | AsyncIterator[bytes] | None:
    length = request.headers.get("content-length")
    if length is None and "transfer-encoding" not in request.headers:
        return None
    if length is not None and int(length) <= SHORT_BODY:
        return await request.body()
    return _from_client(request)


async def _from_client(request: Request) -> AsyncIterator[bytes]:
    """The client's body as it comes.

    Raises:
        ClientGoneError: The client left in the middle of it.
    """
    try:
        async for part in request.stream():
            yield part
    except ClientDisconnect:
        raise ClientGoneError from None


def _incoming(answer: UpstreamAnswer, stack: AsyncExitStack) -> Response:
    response = answer.response
    headers = list(_kept(response.raw_headers, response.headers.get("connection"), _NOT_SENT_BACK))
    headers.append((b"via", ", ".join([*response.headers.getall("via", ()), _VIA]).encode("latin-1", "replace")))
    if answer.tries > 1:
        headers.append((b"x-upstream-tries", str(answer.tries).encode()))
    result: Response
    if answer.body is not None:
        result = Response(answer.body, response.status)
    else:
        result = StreamingResponse(_stream(answer, stack.pop_all()), response.status)
    result.raw_headers = headers
    return result


async def _stream(answer: UpstreamAnswer, held: AsyncExitStack) -> AsyncIterator[bytes]:
    async with held:
        async for part in answer.response.content.iter_any():
            yield part

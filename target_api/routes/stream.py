"""`/stream/…`, `/bytes/{n}`, `/echo`: long connections and bodies of any size."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, WebSocket, WebSocketDisconnect
from starlette.responses import Response, StreamingResponse

from loadcore_target.dependencies import ExchangeDep, services_of
from loadcore_target.errors import ProblemError
from loadcore_target.routes.documented import problems
from loadcore_target.spec import parse_duration

router = APIRouter(tags=["streams"])

_BLOCK = bytes(range(256)) * 256
_COMPRESSED_UP_TO = 4 << 20
_GOING_AWAY = 1001
_LONGEST_PAUSE_S = 60.0


def _pause(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise ProblemError(422, str(error)) from None
    if seconds > _LONGEST_PAUSE_S:
        raise ProblemError(422, f"the interval is longer than {_LONGEST_PAUSE_S:g}s")
    return seconds


@router.get("/stream/sse", operation_id="streamEvents", response_class=Response, responses=problems(422))
async def events(
    exchange: ExchangeDep,
    count: Annotated[int, Query(ge=1, le=1_000_000)] = 10,
    interval: Annotated[
        str,
        Query(pattern=r"^[0-9]+(\.[0-9]+)?(us|ms|s|m|h)$", description="Between two events, like 100ms; 60s at most"),
    ] = "100ms",
    size: Annotated[int, Query(ge=0, le=65536, description="Bytes of padding in each event")] = 0,
) -> StreamingResponse:
    """Server-sent events: numbered, each with the time at which it was sent; ends early when draining."""
    pause_s = _pause(interval)
    control = exchange.services.control

    async def stream() -> AsyncIterator[bytes]:
        for number in range(1, count + 1):
            data = json.dumps({"number": number, "sent_at": time.time(), "padding": "x" * size})
            yield f"id: {number}\nevent: tick\ndata: {data}\n\n".encode()
            if number < count:
                await asyncio.sleep(pause_s)
            if control.draining:
                yield b"event: draining\ndata: {}\n\n"
                return

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.websocket("/stream/ws")
async def websocket(socket: WebSocket) -> None:
    """Sends every message back as it is, text as text and bytes as bytes; closes with 1001 when draining."""
    control = services_of(socket).control
    await socket.accept()
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is not None:
                await socket.send_text(message["text"])
            else:
                await socket.send_bytes(message["bytes"])
            if control.draining:
                await socket.close(_GOING_AWAY)
                return
    except WebSocketDisconnect:
        return


@router.get("/bytes/{size}", operation_id="getBytes", response_class=Response, responses=problems(413, 422))
async def download(
    request: Request,
    exchange: ExchangeDep,
    size: Annotated[int, Path(ge=0)],
    *,
    chunked: Annotated[bool, Query(description="Without Content-Length")] = False,
    compress: Annotated[bool, Query(description="gzip, when the client accepts it")] = False,
) -> Response:
    """A body of exactly that many bytes, whose byte number i is i modulo 256."""
    longest = exchange.services.settings.longest_download
    if size > longest:
        raise ProblemError(413, f"at most {longest} bytes")
    media_type = "application/octet-stream"
    if compress and size <= _COMPRESSED_UP_TO and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(b"".join(_pieces(size)), 1, mtime=0)
        return Response(body, media_type=media_type, headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
    if size <= len(_BLOCK) and not chunked:
        return Response(_BLOCK[:size], media_type=media_type)

    async def stream() -> AsyncIterator[bytes]:
        for piece in _pieces(size):
            yield piece

    headers = {} if chunked else {"Content-Length": str(size)}
    return StreamingResponse(stream(), media_type=media_type, headers=headers)


def _pieces(size: int) -> list[bytes]:
    whole, rest = divmod(size, len(_BLOCK))
    return [_BLOCK] * whole + ([_BLOCK[:rest]] if rest else [])


@router.post("/echo", operation_id="echo", response_class=Response, responses=problems(413))
async def echo(request: Request, exchange: ExchangeDep) -> Response:
    """The request's body, with its content type."""
    longest = exchange.services.settings.longest_body
    parts: list[bytes] = []
    received = 0
    async for part in request.stream():
        received += len(part)
        if received > longest:
            raise ProblemError(413, f"at most {longest} bytes", {"Connection": "close"})
        parts.append(part)
    media_type = request.headers.get("content-type", "application/octet-stream")
    return Response(b"".join(parts), media_type=media_type)

"""Serves the page of a run on this machine."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from loadcore.control.client import ask
from loadcore.control.wire import MOST_BYTES, RefusedError, Reply, decode_request, encode
from loadcore.live.web.feed import Feed
from loadcore.live.web.guard import Guard, foreign

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from loadcore.live.web.follow import Follower
    from loadcore.live.web.place import Place

_MOST_PAGES: Final = 16
"""Pages that may be open at once."""
_BEAT_S: Final = 15.0
_STAYS_S: Final = 5.0
"""How long the page of a run stays after its end, where no one looks at it."""
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def serve(follower: Follower, place: Place, *, leaves: bool = False) -> None:
    """Serve the page of a run until Ctrl-C.

    Args:
        follower: Follows the run.
        place: Where.
        leaves: Whether to end soon after the run, once no page is open.
    """
    feed = Feed(follower)
    settings = uvicorn.Config(
        application(feed, Guard(place.port, place.token)), log_level="error", access_log=False, lifespan="off"
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(uvicorn.Server(settings), place.socket, feed, leaves=leaves))
    follower.close()


async def _serve(server: uvicorn.Server, listening: socket.socket, feed: Feed, *, leaves: bool) -> None:
    following = asyncio.create_task(_follow(server, feed, leaves=leaves))
    try:
        await server.serve(sockets=[listening])
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following


async def _follow(server: uvicorn.Server, feed: Feed, *, leaves: bool) -> None:
    await feed.follow()
    alone_s = 0.0
    while leaves:
        await asyncio.sleep(0.5)
        alone_s = 0.0 if feed.watching else alone_s + 0.5
        if alone_s >= _STAYS_S:
            server.should_exit = True
            return


def application(feed: Feed, guard: Guard) -> Starlette:
    """The page, and the events by which it changes."""

    def refused(request: Request) -> Response | None:
        reason = guard.refusal(request.headers)
        if reason is None and not guard.knows(request.query_params.get("token")):
            reason = "open the address that loadcore printed: it has a token"
        return None if reason is None else PlainTextResponse(f"{reason}\n", 403, _HEADERS)

    async def page(request: Request) -> Response:
        if (refusal := refused(request)) is not None:
            return refusal
        return HTMLResponse(await feed.page(), headers=_HEADERS)

    async def events(request: Request) -> Response:
        if (refusal := refused(request)) is not None:
            return refusal
        if feed.watching >= _MOST_PAGES:
            return PlainTextResponse(f"{_MOST_PAGES} pages are open: close one\n", 503, _HEADERS)
        return StreamingResponse(_events(feed), media_type="text/event-stream", headers=_HEADERS)

    async def control(request: Request) -> Response:
        return refused(request) or await _answer(feed, request)

    routes = [Route("/", page), Route("/events", events), Route("/control", control, methods=["POST"])]
    return Starlette(routes=routes)


async def _answer(feed: Feed, request: Request) -> Response:
    """What the run says to a change that the page asks for."""
    if (why := foreign(request.headers)) is not None:
        return PlainTextResponse(f"{why}\n", 403, _HEADERS)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return PlainTextResponse(f"a request has at most {MOST_BYTES} bytes\n", 413, _HEADERS)
    try:
        reply = await asyncio.to_thread(ask, feed.folder, decode_request(body))
    except RefusedError as problem:
        reply = Reply(error=str(problem), hint=problem.hint)
    return Response(encode(reply), headers=_HEADERS, media_type="application/json")


async def _events(feed: Feed) -> AsyncIterator[str]:
    """Every state from now on; nothing comes after that of a run that has ended."""
    version = 0
    feed.watching += 1
    try:
        while True:
            try:
                version, event = await asyncio.wait_for(feed.after(version), _BEAT_S)
            except TimeoutError:
                event = ": still here\n\n"
            yield event
    finally:
        feed.watching -= 1

"""The upstream stub: a service behind the gateway whose answers and delays are known.

Every path answers with JSON that says what arrived. The query steers one answer: `delay=50ms`, `status=503`,
`bytes=1000` (a body of that size), `chunked=1`, `drop=1` (closes without an answer).
"""

import argparse
import asyncio
import json
import os
import random
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.types import Receive, Scope, Send

from loadcore_target.child_server import ChildServer
from loadcore_target.connection import ConnectionProtocol, hang_up
from loadcore_target.fault_effects import pause
from loadcore_target.listeners import raise_descriptor_limit
from loadcore_target.spec import Distribution, parse_distribution, parse_duration

_ECHOED = frozenset(
    {"authorization", "traceparent", "via", "x-authenticated-user", "x-forwarded-for", "x-request-id", "x-timeout-ms"}
)
_BLOCK = 64 * 1024


class Stub:
    """The ASGI application.

    Args:
        latency: Delay of every answer.
        seed: Start of the random sequence of delays.
    """

    def __init__(self, latency: Distribution, seed: int) -> None:
        self._latency = latency
        self._random = random.Random(seed)
        self._received: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        # Only whoever reaches the stub itself steers it; what comes through a gateway is a request like any other.
        direct = not any(name == b"via" for name, _ in scope["headers"])
        if direct and scope["path"] == "/_stub/latency" and scope["method"] == "PUT":
            try:
                self._latency = parse_distribution((await _read(receive)).decode())
            except ValueError as error:
                await _answer(send, 400, json.dumps({"detail": str(error)}).encode())
            else:
                await _answer(send, 204, b"")
        elif direct and scope["path"] == "/_stub/truth":
            await _answer(send, 200, json.dumps({"routes": self._received}).encode())
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        label = f"{scope['method']} {scope['path']}"
        self._received[label] = self._received.get(label, 0) + 1
        body = await _read(receive)
        query = dict(parse_qsl(scope["query_string"].decode()))
        delay = parse_duration(query["delay"]) if "delay" in query else self._latency.draw(self._random)
        if delay > 0:
            await pause(delay)
        if "drop" in query:
            await hang_up(scope, receive)
            return
        status = int(query.get("status", "200"))
        size = query.get("bytes")
        content = _report(scope, body) if size is None else bytes(int(size))
        await _answer(send, status, content, chunked="chunked" in query)


def _report(scope: Scope, body: bytes) -> bytes:
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name.decode() in _ECHOED}
    report: dict[str, Any] = {
        "method": scope["method"],
        "path": scope["raw_path"].decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "headers": headers,
        "body_bytes": len(body),
    }
    return json.dumps(report).encode()


async def _read(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _answer(send: Send, status: int, body: bytes, *, chunked: bool = False) -> None:
    headers = [(b"content-type", b"application/json")]
    if not chunked:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for start in range(0, len(body), _BLOCK):
        await send({"type": "http.response.body", "body": body[start : start + _BLOCK], "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def main(arguments: Sequence[str]) -> int:
    """Serves until SIGTERM; the ready line is like the gateway's."""
    parser = argparse.ArgumentParser(prog="python -m loadcore_target stub", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="port (default: a free one)")
    parser.add_argument("--latency", type=parse_distribution, default="100ms", metavar="DIST", help="default 100ms")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exit-with-parent", action="store_true", help="stop when stdin closes")
    options = parser.parse_args(arguments)
    raise_descriptor_limit()
    listener = socket.create_server((options.host, options.port), backlog=4096)
    config = uvicorn.Config(
        Stub(options.latency, options.seed),
        loop="uvloop",
        http=ConnectionProtocol,
        lifespan="off",
        access_log=False,
        log_level="critical",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    ready = {"url": f"http://{options.host}:{listener.getsockname()[1]}", "pid": os.getpid()}
    server = ChildServer(config, json.dumps(ready), exit_with_parent=options.exit_with_parent)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))
    return 0

"""How injected faults are done: connections that break, time that is lost, things that leak."""

import asyncio
import contextlib
import os
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loadcore_target.connection import hang_up, transport_of
from loadcore_target.faults import DropKind, Leak

_SURPLUS = b"surplus"
_TRICKLE_TICK_S = 0.05
_SHORTEST_SLEEP_S = 0.0005


async def pause(seconds: float) -> None:
    """Sleeps that long to within a millisecond.

    uvloop counts a sleep from the beginning of the turn in which it is asked for, and rounds it to milliseconds, so
    that on a busy loop it ends too early; an injected delay is part of the truth and must not.
    """
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > _SHORTEST_SLEEP_S:  # noqa: ASYNC110 - time is what is waited for
        await asyncio.sleep(left)


class _BrokenOffError(Exception):
    """The connection was closed in mid-response."""


def burn_cpu(seconds: float) -> None:
    """Computes for that much CPU time of this thread, holding the interpreter."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


class Leaks:
    """What was lost on purpose; given back when the program changes."""

    def __init__(self) -> None:
        self._memory: list[bytearray] = []
        self._descriptors: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, leak: Leak) -> None:
        """Loses what one request loses; a gateway out of descriptors loses no more of them."""
        if leak.kib:
            self._memory.append(bytearray(os.urandom(1) * (leak.kib * 1024)))
        with contextlib.suppress(OSError):
            self._descriptors += [os.open(os.devnull, os.O_RDONLY) for _ in range(leak.descriptors)]
        self._tasks += [asyncio.create_task(_idle_for_ever()) for _ in range(leak.tasks)]

    def give_back(self) -> None:
        """Frees everything."""
        self._memory.clear()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()


async def _idle_for_ever() -> None:
    await asyncio.Event().wait()


async def misbehave(
    kind: DropKind, bytes_per_second: float, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serves a request on a connection that misbehaves.

    Args:
        kind: How.
        bytes_per_second: Speed of a trickling body.
        app: The application, asked only when there is a response to spoil.
        scope: Of the request.
        receive: Of the request.
        send: Of the request.
    """
    if kind in {"close", "reset"}:
        await hang_up(scope, receive, reset=kind == "reset")
    elif kind == "hang":
        while (await receive())["type"] != "http.disconnect":
            pass  # the client gives up first, or never
    elif kind == "truncate":
        with contextlib.suppress(_BrokenOffError):
            await app(scope, receive, _truncating(scope, receive, send))
    elif kind == "surplus":
        await app(scope, receive, _with_surplus(scope, send))
    else:
        await app(scope, receive, _trickling(bytes_per_second, send))


def _truncating(scope: Scope, receive: Receive, send: Send) -> Send:
    """Sends half of the first part of the body and hangs up; a response without body is not begun at all."""

    async def truncating(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        body = message.get("body", b"")
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await hang_up(scope, receive)
        raise _BrokenOffError

    return truncating


def _with_surplus(scope: Scope, send: Send) -> Send:
    """Sends some bytes after the end of the response, which a client must not take for the next one."""

    async def surplus(message: Message) -> None:
        await send(message)
        transport = transport_of(scope)
        if transport is not None and message["type"] == "http.response.body" and not message.get("more_body"):
            transport.write(_SURPLUS)

    return surplus


def _trickling(bytes_per_second: float, send: Send) -> Send:
    """Sends a body in small pieces, so that the client waits long between head and end."""
    piece = max(1, round(bytes_per_second * _TRICKLE_TICK_S))

    async def trickling(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        body = message.get("body", b"")
        for start in range(0, len(body), piece):
            await pause(len(body[start : start + piece]) / bytes_per_second)
            await send({"type": "http.response.body", "body": body[start : start + piece], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)})

    return trickling

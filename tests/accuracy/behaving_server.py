"""A server of raw sockets that behaves as the path of a request says, and counts what it was asked."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.accuracy.behaviours import BEHAVIOURS, Behaviour

if TYPE_CHECKING:
    from collections.abc import Iterator

_BY_PATH = {f"/{behaviour.name}".encode(): behaviour for behaviour in BEHAVIOURS}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Served:
    """What the server counted."""

    url: str = ""
    requests: Counter[str] = field(default_factory=Counter)
    """Requests read, by behaviour."""
    connections: Counter[str] = field(default_factory=Counter)
    """Connections over which at least one request came, by the behaviour of the first."""


@contextmanager
def behaving_server() -> Iterator[Served]:
    """A server that listens for as long as the block lasts."""
    served = Served()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    served.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(_accept(listener, served),))
    thread.start()
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(_cancel_all, loop)
        thread.join()
        loop.close()
        listener.close()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


async def _accept(listener: socket.socket, served: Served) -> None:
    loop = asyncio.get_running_loop()
    talks: set[asyncio.Task[None]] = set()
    try:
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talks.add(asyncio.create_task(_talk(connection, served)))
    except asyncio.CancelledError:
        await asyncio.gather(*talks, return_exceptions=True)


async def _talk(connection: socket.socket, served: Served) -> None:
    """Answers requests until the behaviour, or the client, ends the connection."""
    with connection:
        try:
            unread = b""
            is_first = True
            while True:
                head, unread = await _read_head(connection, unread)
                behaviour = _BY_PATH[head.split(b" ", 2)[1]]
                served.requests[behaviour.name] += 1
                served.connections[behaviour.name] += is_first
                is_first = False
                if not await _answer(connection, behaviour):
                    return
        except ConnectionError:
            return


async def _read_head(connection: socket.socket, unread: bytes) -> tuple[bytes, bytes]:
    while b"\r\n\r\n" not in unread:
        received = await asyncio.get_running_loop().sock_recv(connection, 65_536)
        if not received:
            raise ConnectionResetError
        unread += received
    head, _, rest = unread.partition(b"\r\n\r\n")
    return head, rest


async def _answer(connection: socket.socket, behaviour: Behaviour) -> bool:
    """Whether the connection stays open."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, behaviour.response)
    if behaviour.then == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    elif behaviour.then == "hang":
        while await loop.sock_recv(connection, 65_536):
            pass
    return behaviour.then == "keep"

"""A port of the driver's machine on each node, over the cluster's own channel: no other connection is made.

The node's end listens on a loopback address; what is written to it leaves with what the node reports. The driver's end
connects to the real port. Bytes of a connection stay in order, since each end sends one piece after the other.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE_BYTES = 1 << 16
HOST = "127.0.0.1"


class Entrance:
    """The end on a node.

    Args:
        send: Sends bytes of a connection to the driver; none: it has ended.
    """

    def __init__(self, send: Callable[[int, bytes], None]) -> None:
        self._send = send
        self._connections: dict[int, socket.socket] = {}
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="tunnel", daemon=True).start()

    def deliver(self, connection: int, content: bytes) -> None:
        """Bytes from the driver."""
        if (found := self._connections.get(connection)) is None:
            return
        with contextlib.suppress(OSError):
            if content:
                found.sendall(content)
            else:
                _end(found)

    def close(self) -> None:
        """End all connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # Which wakes the thread that waits for it.
        for found in list(self._connections.values()):
            _end(found)

    def _accept(self) -> None:
        with self._listener, contextlib.suppress(OSError):  # It was closed.
            while True:
                found = self._listener.accept()[0]
                number = len(self._connections)
                self._connections[number] = found
                threading.Thread(target=_read, args=(found, number, self._send), daemon=True).start()


class Exit:
    """The driver's end.

    Args:
        port: Where each connection leads.
        send: Sends bytes of a connection to a node; none: it has ended. Returns once they are there.
    """

    def __init__(self, port: int, send: Callable[[str, int, bytes], None]) -> None:
        self._port = port
        self._send = send
        self._queues: dict[tuple[str, int], queue.SimpleQueue[bytes]] = {}

    def deliver(self, node: str, connection: int, content: bytes) -> None:
        """Bytes from a node. Does not wait."""
        key = (node, connection)
        if key not in self._queues:
            self._queues[key] = queue.SimpleQueue()
            threading.Thread(target=self._pass_on, args=key, name="tunnel", daemon=True).start()
        self._queues[key].put(content)

    def close(self) -> None:
        """End all connections."""
        for each in list(self._queues.values()):
            each.put(b"")

    def _pass_on(self, node: str, connection: int) -> None:
        contents = self._queues[node, connection]
        try:
            found = socket.create_connection((HOST, self._port))
        except OSError:
            self._say(node, connection, b"")
            return
        say = partial(self._say, node)
        threading.Thread(target=_read, args=(found, connection, say), daemon=True).start()
        with contextlib.suppress(OSError):
            while content := contents.get():
                found.sendall(content)
        _end(found)

    def _say(self, node: str, connection: int, content: bytes) -> None:
        with contextlib.suppress(Exception):  # The node is gone, which is noticed elsewhere.
            self._send(node, connection, content)


def _read(found: socket.socket, number: int, send: Callable[[int, bytes], None]) -> None:
    """Send what comes over a connection, to its end."""
    with found, contextlib.suppress(OSError):
        while content := found.recv(PIECE_BYTES):
            send(number, content)
    send(number, b"")


def _end(found: socket.socket) -> None:
    """End a connection: who reads from it closes it."""
    with contextlib.suppress(OSError):
        found.shutdown(socket.SHUT_RDWR)

"""A port of the driver's machine on a node."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from loadcore.cluster.tunnel import Entrance, Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHIN_S = 90.0


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what it gets, and ends when its client does."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                found = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=answer, args=(found,), daemon=True).start()

    def answer(found: socket.socket) -> None:
        with found:
            while content := found.recv(1 << 16):
                found.sendall(content)

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def read(found: socket.socket, size: int) -> bytes:
    """This number of bytes."""
    content = b""
    while len(content) < size:
        piece = found.recv(size - len(content))
        assert piece, "the connection ended"
        content += piece
    return content


def test_bytes_come_in_order_both_ways(echo: int) -> None:
    """Of several connections, each its own; large ones in pieces."""
    leads_to = Exit(echo, lambda _node, connection, content: entrance.deliver(connection, content))
    entrance = Entrance(lambda connection, content: leads_to.deliver("a", connection, content))
    sent = [bytes([number]) * 500_000 + b"end" for number in range(3)]
    connections = [socket.create_connection(("127.0.0.1", entrance.port), WITHIN_S) for _ in sent]
    for connection, content in zip(connections, sent, strict=True):
        threading.Thread(target=connection.sendall, args=(content,), daemon=True).start()
    for connection, content in zip(connections, sent, strict=True):
        assert read(connection, len(content)) == content
    for connection in connections:
        connection.close()
    entrance.close()
    leads_to.close()


def test_a_port_that_nothing_listens_on_ends_the_connection() -> None:
    """The one who connected is not left waiting."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        closed = found.getsockname()[1]
    leads_to = Exit(closed, lambda _node, connection, content: entrance.deliver(connection, content))
    entrance = Entrance(lambda connection, content: leads_to.deliver("a", connection, content))
    with socket.create_connection(("127.0.0.1", entrance.port), WITHIN_S) as connection:
        connection.sendall(b"is there anyone?")
        assert connection.recv(1) == b""
    entrance.close()

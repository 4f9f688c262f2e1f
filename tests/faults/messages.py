"""As much HTTP as the gateway and the proxy of these tests need: whole messages with a length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

ITEMS = "/items/"
"""What precedes the id in the path of every request that is counted."""


@dataclass(frozen=True)
class Message:
    """A request or a response."""

    head: bytes
    """With the empty line at its end."""
    body: bytes

    @property
    def whole(self) -> bytes:
        """All of it."""
        return self.head + self.body

    @property
    def path(self) -> str:
        """Of a request: what follows the method."""
        return self.head.split(b" ", 2)[1].decode()

    @property
    def id(self) -> str:
        """Of a request: the last part of its path."""
        return self.path.removeprefix(ITEMS)


async def read_message(reader: asyncio.StreamReader) -> Message:
    """The next message.

    Raises:
        asyncio.IncompleteReadError: The stream ended before, or within.
        ConnectionError: The stream broke.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return Message(head, await reader.readexactly(length))


def response(body: bytes, status: str = "200 OK") -> Message:
    """A response with a length."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return Message(head.encode(), body)

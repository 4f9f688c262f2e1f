"""The connection under a request: ASGI hides it, and breaking it on purpose needs it."""

import asyncio
import ipaddress
import socket
import struct
from typing import Any, cast

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_KEY = "gateway.transport"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_VERSIONS = {"1.0", "1.1"}
_MOST_FIELDS = 200
_LONGEST_HEAD = 65_536
"""Bytes. Proxies in front of a gateway take less."""


class ConnectionProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also tells the application its transport, and is strict about heads.

    A head that takes too long closes the connection. One that is too large, or that does not name exactly one host
    (RFC 9112 section 3.2), gets 400: what is behind a gateway might understand it in another way.

    Args:
        arguments: As of uvicorn's.
        head_timeout_s: Seconds from the begin of a connection, or of a head, until the head must be complete; `None`
            for no limit. Idle connections between requests have uvicorn's own.
        more: As of uvicorn's.
    """

    def __init__(self, *arguments: Any, head_timeout_s: float | None = None, **more: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*arguments, **more)
        self._head_timeout_s = head_timeout_s
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = False
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called once: whoever connects must say something."""
        super().connection_made(transport)
        self._begin_head()

    def data_received(self, data: bytes) -> None:
        """Called for each piece. A head that came in one piece, as nearly all do, needs no timer."""
        super().data_received(data)
        if self._in_head:
            self._begin_head()
            self._head_bytes += len(data)
            if self._head_bytes > _LONGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """Called for each request, before its head is parsed."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        self.scope[_KEY] = self.transport  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        """Called for each request, when its head is there."""
        self._end_head()
        if not self._is_sound():
            raise ValueError  # The parser stops, and uvicorn responds with 400.
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called once, at the end."""
        self._end_head()
        super().connection_lost(exc)

    def _is_sound(self) -> bool:
        version = self.parser.get_http_version()
        hosts = sum(name == b"host" for name, _ in self.headers)
        size = sum(len(name) + len(value) for name, value in self.headers)
        named = hosts == 1 or (version == "1.0" and not hosts)
        return version in _VERSIONS and named and len(self.headers) <= _MOST_FIELDS and size <= _LONGEST_HEAD

    def _begin_head(self) -> None:
        if self._head_timeout_s is not None and self._head_timer is None:
            self._head_timer = self.loop.call_later(self._head_timeout_s, self.transport.close)

    def _end_head(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's; what is not an address, as a proxy may claim, is not."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def transport_of(scope: Scope) -> asyncio.Transport | None:
    """The transport of a request, or `None` when another server runs the application."""
    return cast("asyncio.Transport | None", scope.get(_KEY))


async def hang_up(scope: Scope, receive: Receive, *, reset: bool = False) -> None:
    """Closes the connection and returns when the server has noticed, so that it does not answer by itself.

    Args:
        scope: Of the request.
        receive: Of the request.
        reset: Send RST instead of FIN; what was written and not yet sent is lost.
    """
    transport = transport_of(scope)
    if transport is not None:
        if reset:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        else:
            transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass

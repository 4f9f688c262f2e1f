"""The connection under a request: ASGI hides it, and breaking it on purpose needs it."""

import asyncio
import socket
import struct
from typing import cast

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_KEY = "gateway.transport"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ConnectionProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also tells the application its transport."""

    def on_message_begin(self) -> None:
        """Called for each request, before its head is parsed."""
        super().on_message_begin()
        self.scope[_KEY] = self.transport  # type: ignore[literal-required]


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

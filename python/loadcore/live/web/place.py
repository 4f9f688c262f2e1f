"""Where a page is served: a port of this machine, and the token that its address has."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from typing import Final

from loadcore.errors import LimitsError, Problem

PORT: Final = 5666
"""Where a page is served, if that port is free."""
_TRIED: Final = 20
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """A socket that listens on 127.0.0.1, and the token that a page's address must have."""

    socket: socket.socket
    token: str

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.socket.getsockname()[1])

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{_HOST}:{self.port}/?token={self.token}"


def listen(port: int | None = None) -> Place:
    """A place on 127.0.0.1: at this port; if none is given, at the first that is free from `PORT` on.

    Raises:
        LimitsError: The port is taken.
    """
    tried = range(PORT, PORT + _TRIED) if port is None else [port]
    for each in tried:
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((_HOST, each))
            # Clients that get the address may connect at once.
            found.listen()
        except OSError:
            found.close()
        else:
            return Place(found, secrets.token_urlsafe(16))
    taken = f"ports {tried[0]} to {tried[-1]} are" if len(tried) > 1 else f"port {tried[0]} is"
    raise LimitsError(
        [Problem(f"the page cannot be served: {taken} taken", hint="name a free port: --port 0 finds one")]
    )

"""Whose process is at the other end of a socket."""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import Final

_SOL_LOCAL, _LOCAL_PEERCRED = 0, 1
_UCRED: Final = struct.Struct("3i")
_XUCRED: Final = struct.Struct("2I")


def user_of(connection: socket.socket) -> int | None:
    """The user id of the other end; None where the system does not say."""
    try:
        if sys.platform == "linux":
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
            return int(_UCRED.unpack(found)[1])
        found = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 76)
        return int(_XUCRED.unpack_from(found)[1])
    except (OSError, struct.error):
        return None


def may_ask(connection: socket.socket) -> bool:
    """Whether the other end may change the run: it is of the same user, or of root."""
    return user_of(connection) in {os.geteuid(), 0}

"""Asks a run for something."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from loadcore.control.address import NAME, PathTooLongError, address_in
from loadcore.control.wire import RefusedError, Reply, Request, decode_reply, encode, read_line

if TYPE_CHECKING:
    from pathlib import Path

WITHIN_S = 10.0
_MOST_BYTES = 1 << 20
_AGAIN_S = 0.05


def ask(folder: Path, request: Request, within_s: float = WITHIN_S) -> Reply:
    """What a run answers.

    Raises:
        RefusedError: No run answers, or the run refuses.
    """
    try:
        with address_in(folder) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connect(connection, address, within_s)
            connection.sendall(encode(request))
            line = read_line(connection, within_s, _MOST_BYTES)
    except PathTooLongError as problem:
        raise RefusedError(f"the socket of the run cannot be reached: {problem}", hint="use a shorter --out") from None
    except (FileNotFoundError, ConnectionRefusedError):
        raise RefusedError(
            f"the run in {folder} does not take orders: it has ended, or it cannot be controlled",
            hint=f"a run that can has a socket {NAME} in its folder until it ends",
        ) from None
    except TimeoutError:
        raise RefusedError(f"the run in {folder} did not answer within {within_s:g} s") from None
    except OSError as problem:
        raise RefusedError(f"the run in {folder} cannot be asked: {problem.strerror or problem}") from None
    reply = decode_reply(line)
    if reply.error:
        raise RefusedError(reply.error, hint=reply.hint)
    return reply


def connect(connection: socket.socket, address: str, within_s: float) -> None:
    """Connect to a socket, also where many others are waiting to be accepted.

    Raises:
        TimeoutError: They still are when the time is over.
        OSError: It cannot be done.
    """
    deadline = time.monotonic() + within_s
    connection.settimeout(within_s)
    while True:
        try:
            connection.connect(address)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError from None
            time.sleep(_AGAIN_S)
        else:
            return

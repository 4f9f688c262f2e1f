"""What a client and a run say to each other: one line of JSON there, one back."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loadcore.errors import ExitCode, LoadcoreError
from loadcore.plan.orders import Change

if TYPE_CHECKING:
    import socket

MOST_BYTES: Final = 4096
"""A longer request is refused."""


class RefusedError(LoadcoreError):
    """The run does not do what it was asked for, and continues as before."""

    exit_code = ExitCode.CONFIG


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked for.

    Attributes:
        change: Of its load; None: only say how it is.
        scenario: Of which scenario; None: of all that the change fits.
    """

    change: Change | None = None
    scenario: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What it says.

    Attributes:
        text: What happens now, in a sentence.
        error: Why nothing does; empty if something does.
        hint: What to do about it.
        scenarios: How each scenario's load is now: see `loadcore.processes.steering`.
    """

    text: str = ""
    error: str = ""
    hint: str | None = None
    scenarios: list[dict[str, Any]] = field(default_factory=list)


def encode(message: Request | Reply) -> bytes:
    """A message as a line."""
    if isinstance(message, Reply):
        document = asdict(message)
    else:
        document = {"change": None if message.change is None else str(message.change), "scenario": message.scenario}
    return json.dumps(document).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Read a request.

    Raises:
        RefusedError: It is not one.
    """
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise RefusedError("the request is not a line of JSON") from None
    known = {"change", "scenario"}
    if not isinstance(document, dict) or not known.issuperset(document):
        raise RefusedError('the request is not an object with "change" and "scenario"')
    if any(not isinstance(each, str | None) for each in document.values()):
        raise RefusedError('"change" and "scenario" are strings')
    change = document.get("change")
    try:
        return Request(None if change is None else Change.parse(change), document.get("scenario"))
    except ValueError as problem:
        raise RefusedError(str(problem)) from None


def decode_reply(line: bytes) -> Reply:
    """Read a reply.

    Raises:
        RefusedError: It is not one.
    """
    try:
        return Reply(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        raise RefusedError("the run gave no answer that can be read") from None


def read_line(connection: socket.socket, within_s: float, most: int) -> bytes:
    """A line from a connection.

    Raises:
        TimeoutError: It did not come in time, however it came.
        RefusedError: It is too long.
        OSError: The connection broke.
    """
    deadline = time.monotonic() + within_s
    read = b""
    while not read.endswith(b"\n"):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        part = connection.recv(most + 1 - len(read))
        if not part:
            break
        read += part
        if len(read) > most:
            raise RefusedError(f"a request has at most {most} bytes")
    return read

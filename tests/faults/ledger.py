"""What the proxy did to requests, and what a client has to report of each.

A ledger has one JSON document a line: every request that the proxy read, with what was done to it, if anything was.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Fault(StrEnum):
    """What the proxy can do to a response."""

    RESET = "reset"
    """Reset the connection after some bytes of it."""
    TRUNCATE = "truncate"
    """Close the connection after some bytes of it."""
    STALL = "stall"
    """Send some bytes of it, and nothing more."""
    SLOW = "slow"
    """Send it piece by piece, but in time."""
    DUPLICATE = "duplicate"
    """Send it twice, at once."""
    SURPLUS = "surplus"
    """Send bytes after it that mean nothing."""
    LATE_408 = "late_408"
    """Send a 408 while the connection is idle, and close it."""
    CROSSED_408 = "crossed_408"
    """Not chosen: a request that crossed a late 408 has it for its answer."""
    CORRUPT_CHUNK = "corrupt_chunk"
    """Send it in chunks, of which one has a size that is not a number."""
    SWAP = "swap"
    """Exchange it for that of another connection."""


@dataclass(frozen=True)
class Entry:
    """A request that the proxy read."""

    id: str
    method: str
    connection: int
    index: int
    """Its place on its connection, from 0."""
    at_s: float
    """When, in seconds of the monotonic clock."""
    fault: str | None = None
    size: int = 0
    """Of a cut: how much was sent. Of surplus: how many bytes too many. Of a late 408: its length."""
    head_bytes: int = 0
    """Length of the response's head."""

    def to_line(self) -> bytes:
        """The entry in a ledger."""
        return json.dumps(asdict(self)).encode() + b"\n"


@dataclass(frozen=True)
class Expected:
    """What a client has to report of a request."""

    outcome: str
    attempts: int
    status: int | None = 200
    surplus: int = 0
    own_answer: bool = True
    """Whether the answer is that of the request."""


def read(path: Path) -> list[Entry]:
    """A ledger, in the order in which it was written."""
    return [Entry(**json.loads(line)) for line in path.read_text().splitlines()]


_IN_HEAD = {Fault.RESET: "reset_in_headers", Fault.TRUNCATE: "closed_in_headers", Fault.STALL: "timeout_headers"}
_IN_BODY = {Fault.RESET: "reset_in_body", Fault.TRUNCATE: "closed_in_body", Fault.STALL: "timeout_body"}
_BEFORE = {
    Fault.RESET: "reset_before_response",
    Fault.TRUNCATE: "closed_before_response",
    Fault.STALL: "timeout_headers",
}
_STATUS_LINE = len("HTTP/1.1 200 OK\r\n")


def expected(entries: list[Entry]) -> Expected:
    """What has to be reported of a request that was read as these entries say: once, or once more after a crossing."""
    *crossed, last = entries
    attempts = len(entries)
    assert all(_is_retried(entry) for entry in crossed), f"sent again without need: {entries}"
    fault = None if last.fault is None else Fault(last.fault)
    if fault in _BEFORE:
        return _of_cut(last, fault, attempts)
    match fault:
        case Fault.DUPLICATE | Fault.SURPLUS:
            return Expected("ok", attempts, surplus=last.size)
        case Fault.CORRUPT_CHUNK:
            return Expected("proto_chunk", attempts)
        case Fault.CROSSED_408:
            return Expected("ok", attempts, status=408, own_answer=False)
        case Fault.SWAP:
            return Expected("ok", attempts, own_answer=False)
        case _:
            return Expected("ok", attempts)


def _is_retried(entry: Entry) -> bool:
    """Whether a request may be sent again after this: its used connection ended before a byte came."""
    ended = entry.fault in {Fault.RESET, Fault.TRUNCATE} and entry.size == 0
    return ended and entry.index > 0 and entry.method == "GET"


def _of_cut(entry: Entry, fault: Fault, attempts: int) -> Expected:
    if entry.size == 0:
        crossed = fault != Fault.STALL and entry.index > 0
        return Expected("stale_connection" if crossed else _BEFORE[fault], attempts, None)
    status = 200 if entry.size >= _STATUS_LINE else None
    return Expected((_IN_HEAD if entry.size < entry.head_bytes else _IN_BODY)[fault], attempts, status)

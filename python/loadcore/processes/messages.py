"""What a supervisor and a worker say to each other, and how it stands on the wire.

Orders go to the worker as lines of JSON; their end means that the supervisor is gone. Reports come back as frames:
length of the content in 4 bytes (big endian), one byte that says what it is (`J` JSON, `W` a window batch as an Arrow
IPC stream), the content. No pickle: neither side runs what the other sends.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loadcore.errors import InternalError
from loadcore.results.run_facts import WorkerEnd

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CONTENT_BYTES = 64 << 20
"""A longer frame is refused: its sender is not a worker."""

_HEAD = struct.Struct(">Ic")
_JSON, _WINDOWS = b"J", b"W"


@dataclass(frozen=True)
class Prepare:
    """Read the plan, make the share ready, say what it will do."""

    plan: str
    """The plan's JSON text."""
    share: int
    shares: int
    run_dir: str
    worker: int
    metadata: dict[str, str] = field(default_factory=dict)
    """Stands in the schema of the worker's files."""


@dataclass(frozen=True)
class Go:
    """Start."""

    start_at_ns: int
    """Of CLOCK_MONOTONIC."""
    wall_start_us: int
    """The same moment on the wall clock, in microseconds since 1970."""


@dataclass(frozen=True)
class Arm:
    """Open what is needed to start, and say so."""


@dataclass(frozen=True)
class Stop:
    """Start no more iterations."""


@dataclass(frozen=True)
class Interrupt:
    """Stop now."""


Order = Prepare | Arm | Go | Stop | Interrupt

_ORDERS: dict[str, type[Order]] = {"prepare": Prepare, "arm": Arm, "go": Go, "stop": Stop, "interrupt": Interrupt}
_ORDER_NAMES = {kind: name for name, kind in _ORDERS.items()}


def encode_order(order: Order) -> bytes:
    """An order as a line."""
    return json.dumps({_ORDER_NAMES[type(order)]: vars(order)}).encode() + b"\n"


def decode_order(line: bytes) -> Order:
    """Read what `encode_order` wrote.

    Raises:
        InternalError: It is not an order.
    """
    try:
        ((name, content),) = json.loads(line).items()
        return _ORDERS[name](**content)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise InternalError(f"not an order: {line[:80]!r}") from problem


@dataclass(frozen=True)
class Prepared:
    """The share is ready: what it will do, as the engine describes it."""

    description: dict[str, Any]


@dataclass(frozen=True)
class Armed:
    """Everything is open; the worker waits for `Go`."""


@dataclass(frozen=True)
class Alive:
    """Nothing to report, but the worker is there. Sent every second in which nothing else was."""


@dataclass(frozen=True)
class Trouble:
    """The worker cannot continue. `problems`: those of the plan, if it was the plan."""

    message: str
    problems: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Remark:
    """Something worth knowing, in one sentence. The worker continues."""

    text: str


@dataclass(frozen=True)
class Sampled:
    """A failure that stands for its kind."""

    sample: dict[str, Any]


@dataclass(frozen=True)
class WindowBatch:
    """Windows, as an Arrow IPC stream with one batch."""

    stream: bytes


@dataclass(frozen=True)
class Done:
    """The worker has written everything; nothing comes after it."""

    end: WorkerEnd
    ended_ns: int
    """Since the start."""


Report = Prepared | Armed | Alive | Trouble | Remark | Sampled | WindowBatch | Done

_REPORTS: dict[str, type[Prepared | Armed | Alive | Trouble | Remark | Sampled]] = {
    "prepared": Prepared,
    "armed": Armed,
    "alive": Alive,
    "trouble": Trouble,
    "remark": Remark,
    "sampled": Sampled,
}
_REPORT_NAMES = {kind: name for name, kind in _REPORTS.items()}


def encode_report(report: Report) -> bytes:
    """A report as a frame."""
    if isinstance(report, WindowBatch):
        return _HEAD.pack(len(report.stream), _WINDOWS) + report.stream
    if isinstance(report, Done):
        document: dict[str, Any] = {"done": {"end": report.end.to_dict(), "ended_ns": report.ended_ns}}
    else:
        document = {_REPORT_NAMES[type(report)]: vars(report)}
    content = json.dumps(document).encode()
    return _HEAD.pack(len(content), _JSON) + content


def read_report(read: Callable[[int], bytes]) -> Report | None:
    """Read one frame.

    Args:
        read: Returns this number of bytes; fewer only at the end.

    Returns:
        None at the end, also if it comes within a frame.

    Raises:
        InternalError: It is not a report.
    """
    head = read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, kind = _HEAD.unpack(head)
    if length > MAX_CONTENT_BYTES:
        raise InternalError(f"a report of {length} bytes is too long")
    content = read(length)
    if len(content) < length:
        return None
    if kind == _WINDOWS:
        return WindowBatch(content)
    if kind != _JSON:
        raise InternalError(f"a report of the unknown kind {kind!r}")
    return _decode_report(content)


def _decode_report(content: bytes) -> Report:
    try:
        ((name, document),) = json.loads(content).items()
        if name == "done":
            return Done(WorkerEnd.from_dict(document["end"]), document["ended_ns"])
        return _REPORTS[name](**document)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise InternalError(f"not a report: {content[:80]!r}") from problem

"""What a supervisor and a worker say to each other, and how it stands on the wire.

Every worker imports this before its first request, so messages are named tuples: those classes are made faster than
dataclasses. A message without fields is false; compare with None.

Orders go to the worker as lines of JSON; their end means that the supervisor is gone. Reports come back as frames:
length of the content in 4 bytes (big endian), one byte that says what it is (`J` JSON, `W` a window batch as an Arrow
IPC stream), the content. No pickle: neither side runs what the other sends.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadcore.errors import InternalError
    from loadcore.results.run_facts import WorkerEnd

MAX_CONTENT_BYTES = 64 << 20
"""A longer frame is refused: its sender is not a worker."""

_HEAD = struct.Struct(">Ic")
_JSON, _WINDOWS = b"J", b"W"


class Prepare(NamedTuple):
    """Read the plan, make the share ready, say what it will do."""

    plan: str
    """The plan's JSON text."""
    share: int
    shares: int
    run_dir: str
    worker: int
    metadata: Mapping[str, str] = {}
    """Stands in the schema of the worker's files."""
    program: dict[str, Any] | None = None
    """The code of the user's that runs in the worker: the `module` of ours that runs it, its `arguments`, and the
    first entries of `sys.path` (`paths`)."""


class Go(NamedTuple):
    """Start."""

    start_at_ns: int
    """Of CLOCK_MONOTONIC."""
    wall_start_us: int
    """The same moment on the wall clock, in microseconds since 1970."""
    begins_ns: int = 0
    """What is due before, counted from the start, is another worker's: this one carries on its share."""


class Arm(NamedTuple):
    """Open what is needed to start, and say so."""


class Lease(NamedTuple):
    """End by yourself at this moment of CLOCK_MONOTONIC, unless a later one comes."""

    until_ns: int


class Change(NamedTuple):
    """Change the load of a scenario, from a moment on that has not come yet."""

    scenario: int
    """Its place in the plan."""
    at_ns: int
    """Since the start."""
    change: dict[str, Any]
    """As the engine reads it."""


class Stop(NamedTuple):
    """Start no more iterations."""


class Interrupt(NamedTuple):
    """Stop now."""


Order = Prepare | Arm | Go | Lease | Change | Stop | Interrupt

_ORDERS: dict[str, type[Order]] = {
    "prepare": Prepare,
    "arm": Arm,
    "go": Go,
    "lease": Lease,
    "change": Change,
    "stop": Stop,
    "interrupt": Interrupt,
}
_ORDER_NAMES = {kind: name for name, kind in _ORDERS.items()}


def encode_order(order: Order) -> bytes:
    """An order as a line."""
    return json.dumps({_ORDER_NAMES[type(order)]: order._asdict()}).encode() + b"\n"


def decode_order(line: bytes) -> Order:
    """Read what `encode_order` wrote.

    Raises:
        InternalError: It is not an order.
    """
    try:
        ((name, content),) = json.loads(line).items()
        return _ORDERS[name](**content)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise _not_understood("not an order", line) from problem


class Prepared(NamedTuple):
    """The share is ready: what it will do, as the engine describes it."""

    description: dict[str, Any]


class Armed(NamedTuple):
    """Everything is open; the worker waits for `Go`."""


class Alive(NamedTuple):
    """Nothing to report, but the worker is there. Sent every second in which nothing else was."""


class Trouble(NamedTuple):
    """The worker cannot continue. `problems`: those of the plan, if it was the plan."""

    message: str
    problems: Sequence[dict[str, Any]] = ()
    frames: Sequence[str] | None = None
    """Where code of the user's raised it: the innermost line last. None if it was not that code."""
    hint: str | None = None


class Remark(NamedTuple):
    """Something worth knowing, in one sentence. The worker continues."""

    text: str


class Printed(NamedTuple):
    """What code of the user's has printed."""

    lines: list[str]


class Aborted(NamedTuple):
    """Code of the user's ended the run."""

    reason: str


class Sampled(NamedTuple):
    """A failure that stands for its kind."""

    sample: dict[str, Any]


class WindowBatch(NamedTuple):
    """Windows, as an Arrow IPC stream with one batch."""

    stream: bytes


class Done(NamedTuple):
    """The worker has written everything; nothing comes after it."""

    end: WorkerEnd
    ended_ns: int
    """Since the start."""


Report = Prepared | Armed | Alive | Trouble | Remark | Printed | Aborted | Sampled | WindowBatch | Done

_REPORTS: dict[str, type[Prepared | Armed | Alive | Trouble | Remark | Printed | Aborted | Sampled]] = {
    "prepared": Prepared,
    "armed": Armed,
    "alive": Alive,
    "trouble": Trouble,
    "remark": Remark,
    "printed": Printed,
    "aborted": Aborted,
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
        document = {_REPORT_NAMES[type(report)]: report._asdict()}
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
        raise _not_understood(f"a report of {length} bytes is too long")
    content = read(length)
    if len(content) < length:
        return None
    if kind == _WINDOWS:
        return WindowBatch(content)
    if kind != _JSON:
        raise _not_understood("a report of an unknown kind", kind)
    return _decode_report(content)


def _decode_report(content: bytes) -> Report:
    try:
        ((name, document),) = json.loads(content).items()
        if name == "done":
            from loadcore.results.run_facts import WorkerEnd  # noqa: PLC0415 - not needed before the end

            return Done(WorkerEnd.from_dict(document["end"]), document["ended_ns"])
        return _REPORTS[name](**document)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise _not_understood("not a report", content) from problem


def _not_understood(what: str, content: bytes = b"") -> InternalError:
    from loadcore.errors import InternalError  # noqa: PLC0415 - a worker that understands everything does without

    return InternalError(f"{what}: {content[:80]!r}" if content else what)

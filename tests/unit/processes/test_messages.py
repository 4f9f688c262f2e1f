"""What supervisor and worker say to each other."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.errors import InternalError
from loadcore.processes import messages
from loadcore.results.run_facts import Carried, FileFacts, WorkerEnd

ORDERS: list[messages.Order] = [
    messages.Prepare('{"version": 1}', 1, 2, "/runs/A", 1, {"loadcore.run_id": "A"}),
    messages.Arm(),
    messages.Go(123, 456, 7),
    messages.Lease(123),
    messages.Stop(),
    messages.Interrupt(),
]
FACTS = FileFacts("requests-1.arrow", 5, 6, "ab", sealed=True)
CARRIED = Carried(1, 2, "b", "it left", "a", 3)
END = WorkerEnd(1, "finished", rows_dropped=2, rows_lost=3, files=(FACTS,), carried=(CARRIED,))
REPORTS: list[messages.Report] = [
    messages.Prepared({"steps": [], "connections": 3}),
    messages.Armed(),
    messages.Alive(),
    messages.Trouble("no", [{"message": "bad", "at": None, "hint": None, "path": None}]),
    messages.Remark("rows are lost"),
    messages.Sampled({"step": "GET /", "request": None}),
    messages.WindowBatch(b"arrow\nbytes"),
    messages.Done(END, 7),
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
def test_orders_are_read_back(order: messages.Order) -> None:
    """An order is one line, and is read back the same."""
    line = messages.encode_order(order)

    assert line.count(b"\n") == 1
    assert (type(messages.decode_order(line)), messages.decode_order(line)) == (type(order), order)


def test_reports_are_read_back_from_one_stream() -> None:
    """Reports stand one behind the other, and are read back the same; then comes the end."""
    stream = io.BytesIO(b"".join(map(messages.encode_report, REPORTS)))

    read = [messages.read_report(stream.read) for _ in REPORTS]
    assert list(map(type, read)) == list(map(type, REPORTS))
    assert read == REPORTS
    assert messages.read_report(stream.read) is None


@given(st.sampled_from(REPORTS), st.floats(0, 0.999))
def test_a_cut_report_is_the_end(report: messages.Report, share: float) -> None:
    """A worker that dies within a report has said nothing by it."""
    frame = messages.encode_report(report)

    assert messages.read_report(io.BytesIO(frame[: int(share * len(frame))]).read) is None


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack(">Ic", 2, b"X") + b"{}",
        struct.pack(">Ic", 2, b"J") + b"{}",
        struct.pack(">Ic", 2, b"J") + b"no",
        struct.pack(">Ic", 12, b"J") + b'{"what": {}}',
        struct.pack(">Ic", 2**32 - 1, b"J"),
    ],
)
def test_nonsense_is_refused(frame: bytes) -> None:
    """What is not a report is an error, and is not waited for where it claims to be huge."""
    with pytest.raises(InternalError):
        messages.read_report(io.BytesIO(frame).read)


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"fly": {}}', b'{"go": {"when": 1}}', b'{"stop": 3}', b"\xff"])
def test_nonsense_orders_are_refused(line: bytes) -> None:
    """What is not an order is an error."""
    with pytest.raises(InternalError):
        messages.decode_order(line)

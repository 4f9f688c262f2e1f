"""Views that follow a run, fed with windows as a run feeds them."""

from __future__ import annotations

import io
import json

from loadcore.live.heading import Heading
from loadcore.live.lines import JsonLinesView, LinesView
from loadcore.live.snapshot import frame_of
from loadcore.live.terminal import TerminalView
from loadcore.live.view import HISTORY
from loadcore.plan.orders import Change, Order
from loadcore.report.glyphs import ASCII
from loadcore.report.layout import Page
from tests.unit.results.numbers import DESCRIPTION
from tests.unit.results.test_totals import added, batch, scenario, step

HEADING = Heading("shop", "http://127.0.0.1:1")
MS = 1_000_000


def test_a_frame_counts_the_whole_run_and_times_the_last_seconds() -> None:
    """Counts are since the start, whatever the phase; the rate is of one second, percentiles are of five."""
    slow_start = batch(0, step([900] * 10), step([5], "token"), phase="warm_up")
    seconds = [batch(second, step([10] * 20, errors=1), scenario(iterations_dropped=2)) for second in range(1, 8)]
    frame = frame_of(added(slow_start, *seconds), 7, users_planned=5, phase="steady")
    assert frame.second == 8
    assert [row.name for row in frame.steps] == ["GET /items"], "token calls are not among the steps"
    assert (frame.total.requests, frame.total.errors, frame.total.requests_per_s) == (150, 7, 20)
    assert frame.total.max_ns is not None
    assert frame.total.max_ns < 11 * MS, "the slow start is more than five seconds ago"
    assert frame.dropped == 14


def test_a_frame_has_the_last_change_of_the_load() -> None:
    """As it was ordered; it is empty as long as the load is the plan's."""
    totals = added(batch(0, step([10])))
    assert frame_of(totals, 0, users_planned=5, phase="steady").changed == ""
    totals.orders += [Order("shop", 1000 * MS, Change("users", "20")), Order("shop", 2000 * MS, Change("pause"))]
    assert frame_of(totals, 0, users_planned=5, phase="steady").changed == "pause"


def test_a_frame_names_the_most_frequent_errors() -> None:
    """By kind and step, over the whole run, whatever the phase."""
    kinds = {"timeout": 3, "http_500": 9, "refused": 1, "tls": 2}
    seconds = [
        batch(second, step([10] * 20, outcomes=[{"name": name, "count": count}]), phase=phase)
        for second, (name, count) in enumerate(kinds.items())
        for phase in ["warm_up" if second else "steady"]
    ]
    found = frame_of(added(*seconds), 3, users_planned=5, phase="steady").errors

    assert [(error.what, error.count) for error in found] == [("http_500", 9), ("timeout", 3), ("tls", 2)]
    assert {error.step for error in found} == {"GET /items"}


def test_a_frame_without_requests_has_no_numbers() -> None:
    """Before the first response there is nothing to show, and no zero that looks like a time."""
    frame = frame_of(added(batch(0, scenario(users_active=3))), 0, users_planned=5, phase="warm_up")
    assert frame.users_active == 3
    assert (frame.total.p50_ns, frame.total.error_rate) == (None, None)


def test_lines_come_every_few_seconds() -> None:
    """One line in five seconds, and messages as they come."""
    written: list[str] = []
    view = LinesView(HEADING, written.append)
    view.on_start(DESCRIPTION)
    for second in range(12):
        view.on_window(frame_of(added(batch(second, step([10]))), second, 5, "steady"), second)
    view.on_message("worker 1 is back")
    assert [text.split()[0] for text in written] == ["0:05", "0:10", "worker"]
    assert "phase=warm_up" not in written[0]


def test_json_lines_are_one_object_a_second() -> None:
    """A program reads each second by itself."""
    written: list[str] = []
    view = JsonLinesView(HEADING, written.append)
    view.on_start(DESCRIPTION)
    view.on_window(frame_of(added(batch(0, step([10]), phase="warm_up")), 0, 5, "warm_up"), 0)
    view.on_message("stopping")
    window, message = (json.loads(text) for text in written)
    assert (window["kind"], window["second"], window["phase"], window["users_planned"]) == ("window", 1, "warm_up", 5)
    assert window["total"]["requests"] == 1
    assert message == {"kind": "message", "message": "stopping"}


def test_a_view_keeps_only_what_it_draws() -> None:
    """However long a run is, the view does not grow."""
    ignored: list[str] = []
    view = LinesView(HEADING, ignored.append)
    view.on_start(DESCRIPTION)
    for second in range(HISTORY * 3):
        view.on_window(frame_of(added(batch(second, step([10]))), second, 5, "steady"), second)
    assert len(view.frames) == HISTORY
    assert view.frames[-1].second == HISTORY * 3


def test_the_terminal_view_is_drawn_and_taken_away() -> None:
    """It shows steps, keeps messages, leaves the scrollback alone, and may be closed twice or before its start."""
    stream = io.StringIO()
    view = TerminalView(HEADING, stream, Page(80, ASCII))
    view.close()
    view.on_start(DESCRIPTION)
    view.on_window(frame_of(added(batch(0, step([10]))), 0, 5, "steady"), 0)
    view.on_message("worker \x1b[31m1 is back")
    view.close()
    view.close()
    drawn = stream.getvalue()
    assert "GET /items" in drawn
    assert "worker \\x1b[31m1 is back" in drawn
    assert "\x1b[?1049h" not in drawn
    assert drawn.rstrip().endswith(("\x1b[2K", "\x1b[?25h", "\r")), "the block is erased, the cursor is back"

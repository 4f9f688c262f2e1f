"""Live views, drawn from frames made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from loadcore.live.drawing import draw, line, sparkline
from loadcore.live.frame import BreakFrame, ClientFrame, ErrorFrame, Frame, LoadFrame, ThresholdFrame
from loadcore.live.heading import Heading
from loadcore.report.glyphs import ASCII, UNICODE, Glyphs
from loadcore.report.layout import Page
from loadcore.report.step_table import StepRow

MS = 1_000_000
BLOCK = """\
 checkout.py -> http://127.0.0.1:8080     0:41 / 2:00  ######..............  34%
 users 410/1,000 - 1,000 req/s - errors 0.1% - warm-up

 STEP    requests  req/s  errors     p50     p95     p99     max
 GET /0    41,000  1,000    0.1%  8.00ms  22.0ms  33.0ms  90.0ms
 GET /1    41,000  1,000    0.1%  8.00ms  22.0ms  33.0ms  90.0ms
 all       41,000  1,000    0.1%  8.00ms  22.0ms  33.0ms  90.0ms
 PASS?     OK errors.rate < 1% (0.4%) - ?? checks.rate > 99%
 BROKE?    not so far
 CLIENT OK keeps up - cpu 31.0% - lag p99 60us - files 492/65,536
 times are of the last 5 s - Ctrl-C: stop and report - twice: stop now"""
HEADING = Heading("checkout.py", "http://127.0.0.1:8080", 120)


def row(name: str, second: int) -> StepRow:
    """A step with a thousand requests a second and the same times always."""
    return StepRow(name, second * 1000, 1000.0, second, 8 * MS, 22 * MS, 33 * MS, 90 * MS)


def frame(second: int, steps: int = 2) -> Frame:
    """A second of a run whose users grow by ten a second."""
    return Frame(
        second=second,
        users_active=second * 10,
        users_planned=1000,
        total=row("all", second),
        steps=[row(f"GET /{index}", second) for index in range(steps)],
        phase="warm_up",
        thresholds=[
            ThresholdFrame("errors.rate < 1%", "pass", 0.004, "ratio"),
            ThresholdFrame("checks.rate > 99%", "no_data"),
        ],
        client=ClientFrame(cpu_ratio=0.31, lag_p99_ns=60_000, open_fds=492, fd_limit=65_536),
    )


def test_the_block_shows_progress_numbers_steps_and_the_client() -> None:
    """One look tells how far the run is, how it goes, and that Ctrl-C gives a report."""
    assert "\n".join(draw(HEADING, [frame(40), frame(41)], 41.3, Page(80, ASCII))) == BLOCK


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("steps", [1, 12, 40])
def test_the_block_fits_the_terminal(width: int, glyphs: Glyphs, steps: int) -> None:
    """No line is wider than the terminal, and the block stays short however many steps there are."""
    lines = draw(HEADING, [frame(second, steps) for second in range(1, 21)], 41.3, Page(width, glyphs))
    assert [each for each in lines if cell_len(each) > width] == []
    assert len(lines) < 30


@pytest.mark.parametrize("height", range(1, 40))
def test_the_block_fits_a_low_terminal(height: int) -> None:
    """What matters least is left out; progress is there to the last line."""
    whole = draw(HEADING, [failing()], 41.3, Page(80, ASCII))
    lines = draw(HEADING, [failing()], 41.3, Page(80, ASCII), height)
    assert len(lines) <= height
    assert lines == whole or len(whole) > height
    assert height == 1 or lines[0] == whole[0]


def failing() -> Frame:
    """A second of a run with errors of two kinds."""
    errors = [ErrorFrame("http_503", "GET /0", 1312), ErrorFrame("timeout", "GET /1", 7)]
    return replace(frame(41, steps=4), errors=errors)


def test_the_block_names_the_errors() -> None:
    """The table has how many there are; their kind and place appear during the run."""
    lines = draw(HEADING, [failing()], 41.3, Page(80, ASCII))

    assert " ERRORS    http_503 1,312  GET /0 - timeout 7  GET /1" in lines
    assert "worst=http_503:1312" in line(failing())


def test_the_block_says_where_the_run_broke() -> None:
    """The second, the threshold, and the load that was borne before."""
    before = LoadFrame(746, 4771.0, 27 * MS)
    broken = replace(frame(71), broke=BreakFrame(68, "errors.rate < 1%", before))
    lines = draw(HEADING, [broken], 71.0, Page(80, ASCII))
    assert " BROKE?    at 1:08: errors.rate < 1% - before: 746 users, 4,771/s, p95 27.0ms" in lines
    assert " broke=1:08 client=" in line(broken)
    broken = replace(frame(71), broke=BreakFrame(0, "errors.rate < 1%"))
    assert " BROKE?    at 0:00: errors.rate < 1% - from the first judged second on" in draw(
        HEADING, [broken], 71.0, Page(80, ASCII)
    )


def test_the_block_says_that_the_load_was_changed() -> None:
    """With the last change: the numbers of the plan are not those of the load any more."""
    changed = replace(frame(41), changed="rate 300/s")
    lines = draw(HEADING, [changed], 41.3, Page(100, ASCII))
    assert " users 410/1,000 - 1,000 req/s - errors 0.1% - load changed: rate 300/s - warm-up" in lines


def test_three_steps_take_twelve_lines() -> None:
    """The whole view, with the three answers, in 80 by 24."""
    assert len(draw(HEADING, [frame(41, steps=3)], 41.3, Page(80, UNICODE), 24)) == 12


def test_before_the_first_second_the_block_says_so() -> None:
    """A run without numbers yet shows its bar and that it waits."""
    lines = draw(HEADING, [], 0.2, Page(80, UNICODE))
    assert lines[0].endswith("0%")
    assert lines[1] == " waiting for the first second"


def test_the_bar_counts_the_planned_time_only() -> None:
    """After the planned end, words take the bar's place; without a planned end there is only the clock."""
    page = Page(80, UNICODE)
    assert "waiting for the last iterations" in draw(HEADING, [frame(120)], 121, page)[0]
    assert draw(HEADING, [frame(120)], 120, page)[0].endswith("100%")
    assert draw(Heading("x.py", ""), [frame(120)], 75, page)[0].split() == ["x.py", "1:15"]


def test_a_line_is_made_of_keys_and_values() -> None:
    """A log line begins with the clock and can be cut at spaces and equals signs."""
    assert line(frame(5)) == "0:05 users=50 rps=1000 err=0.1% p50=8.00ms p95=22.0ms p99=33.0ms phase=warm_up client=ok"


def test_a_curve_goes_from_nothing_to_the_largest() -> None:
    """The small curve is lowest at zero and highest at the greatest value; without data it is empty."""
    assert sparkline([0, 1, 2, 4], UNICODE) == "▁▃▅█"
    assert sparkline([0, 0], UNICODE) == ""
    assert sparkline([1, 2], ASCII) == ""

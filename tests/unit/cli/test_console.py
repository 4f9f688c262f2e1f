"""The only place that prints."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from loadcore.cli.console import Console, glyphs_of, wants_color
from loadcore.errors import LoadcoreError, PlanError, Problem
from loadcore.report.glyphs import ASCII, UNICODE

if TYPE_CHECKING:
    from pathlib import Path


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.mark.parametrize(
    ("choice", "environ", "terminal", "expected"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour_follows_the_option_then_the_environment_then_the_terminal(
    choice: str, environ: dict[str, str], terminal: bool, expected: bool
) -> None:
    """NO_COLOR outranks FORCE_COLOR, and the option outranks both."""
    assert wants_color(Terminal() if terminal else io.StringIO(), choice, environ) is expected


@pytest.mark.parametrize(
    ("encoding", "glyphs"), [("utf-8", UNICODE), ("UTF8", UNICODE), ("ascii", ASCII), ("cp1252", ASCII)]
)
def test_unicode_is_drawn_only_where_it_can_be(encoding: str, glyphs: object) -> None:
    """A stream that is not UTF-8 gets ASCII."""
    assert glyphs_of(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) is glyphs


@pytest.mark.parametrize(
    ("environ", "live"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "CI": "true"}, False),
        ({"TERM": "xterm", "CI": "1"}, False),
        ({"TERM": "xterm", "CI": "false"}, True),
        ({"TERM": "xterm", "CI": ""}, True),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_a_terminal_of_a_ci_system_is_not_drawn_on(environ: dict[str, str], live: bool) -> None:
    """Its log would hold every frame."""
    assert Console(io.StringIO(), Terminal(), environ).live is live


def test_results_and_notes_go_to_different_streams() -> None:
    """Only what a program may read is on stdout."""
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err, {})
    console.result("the result")
    console.note("a note")
    console.error("what", "do this")
    assert out.getvalue() == "the result\n"
    assert err.getvalue() == "a note\nerror: what\nhint: do this\n"


def test_quiet_silences_notes_but_not_errors() -> None:
    """An error is always told."""
    err = io.StringIO()
    console = Console(io.StringIO(), err, {})
    console.quiet = True
    console.note("a note")
    console.error("what")
    assert err.getvalue() == "error: what\n"


def test_every_problem_of_a_plan_is_an_error_of_its_own() -> None:
    """A plan with two mistakes gives two errors, each with place and hint."""
    err = io.StringIO()
    problems = [Problem("first", at="x.py:3", hint="do this"), Problem("second", path="scenarios[0]")]
    Console(io.StringIO(), err, {}).failure(PlanError(problems))
    assert err.getvalue() == "error: x.py:3: first\nhint: do this\nerror: scenarios[0]: second\n"


def test_a_message_of_several_lines_is_indented() -> None:
    """The first line is the error; what follows belongs to it."""
    err = io.StringIO()
    Console(io.StringIO(), err, {}).failure(LoadcoreError("KeyError: 'x'\nscenario.py:5 in load", hint="look there"))
    assert err.getvalue() == "error: KeyError: 'x'\n  scenario.py:5 in load\nhint: look there\n"


@pytest.mark.parametrize(
    ("columns", "width"), [("60", 60), ("100", 100), ("500", 120), ("5", 30), ("x", 80), ("0", 80)]
)
def test_the_width_follows_columns_up_to_a_limit(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS is respected; a wide terminal does not make lines unreadable."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert Console(io.StringIO(), io.StringIO(), {"COLUMNS": columns}).page().width == width


def test_a_reader_that_went_away_is_no_error(tmp_path: Path) -> None:
    """Printing into a closed pipe ends quietly, also for what is printed after it."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream, (tmp_path / "err").open("w", encoding="utf-8") as err:
        console = Console(stream, err, {})
        console.result("x" * 100_000)
        console.result("more")
    assert (tmp_path / "err").read_text(encoding="utf-8") == ""

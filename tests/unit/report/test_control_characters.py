"""Whatever a file, a server or a scenario says: no control character of theirs reaches a terminal."""

from __future__ import annotations

import copy
import io
import unicodedata
from typing import Any

import pytest

from loadcore.cli.console import Console
from loadcore.errors import PlanError, Problem
from loadcore.report import text
from loadcore.report.glyphs import ASCII, UNICODE, Glyphs
from loadcore.report.layout import Cell, Column, Page, Role, facts, sentence, table
from loadcore.report.paint import painted
from tests.unit.report.example import failed_run

SUMMARY = failed_run()

KNOWN_WORDS = {"status", "state", "model", "section"}
"""Others than those of the schema are refused when a summary is read."""
HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\x00\x08\r\x7f\u2028"


def controls(shown: str) -> list[str]:
    """The control and format characters in a string, but for line ends."""
    return [
        character
        for character in shown
        if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} and character != "\n"
    ]


def places(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every text of a document."""
    if isinstance(document, str):
        return [at]
    members = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [place for key, member in members for place in places(member, (*at, key))]


def hostile(place: tuple[Any, ...]) -> dict[str, Any]:
    """The example with a hostile text at a place."""
    changed: dict[str, Any] = copy.deepcopy(SUMMARY)
    within: Any = changed
    for key in place[:-1]:
        within = within[key]
    within[place[-1]] = f"{HOSTILE}{within[place[-1]]}{HOSTILE}"
    return changed


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize(
    "place",
    [place for place in places(SUMMARY) if place[-1] not in KNOWN_WORDS],
    ids=lambda place: ".".join(map(str, place)),
)
def test_a_report_shows_none_of_them(place: tuple[Any, ...], glyphs: Glyphs) -> None:
    """Wherever a summary has a string that is not one of a few known words."""
    assert controls(text.render(hostile(place), Page(80, glyphs))) == []


def test_files_and_commands_show_none_of_them() -> None:
    """A folder may be called anything."""
    lines = text.files(f"runs/{HOSTILE}", {f"requests{HOSTILE}": 1}, [f"loadcore report {HOSTILE}"], Page(80, UNICODE))

    assert controls("\n".join(lines)) == []


def test_colours_are_the_only_sequences() -> None:
    """With colour, a line holds the sequences of the painter and no others."""
    page = Page(80, UNICODE, painted)
    cell = Cell(HOSTILE, Role.BAD)
    lines = [*table((Column(HOSTILE),), [[cell]], page), *facts(cell, [cell], page), *sentence(cell, HOSTILE, page)]
    shown = "\n".join(lines)
    for role in Role:
        before, after = painted("x", role).split("x")
        shown = shown.replace(before, "").replace(after, "")

    assert controls(shown) == []


def test_notes_and_errors_show_none_of_them() -> None:
    """Messages quote paths, names and what others raised."""
    err = io.StringIO()
    console = Console(io.StringIO(), err, {})
    console.note(HOSTILE)
    console.error(f"first{HOSTILE}\nsecond{HOSTILE}", HOSTILE)
    console.failure(PlanError([Problem(HOSTILE, at=HOSTILE, hint=HOSTILE)]))
    console.bug(ValueError(HOSTILE), HOSTILE)

    assert "first" in err.getvalue()
    assert controls(err.getvalue()) == []

"""Lines and tables that fit a width, counted in terminal cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size

from loadcore.report.glyphs import printable

if TYPE_CHECKING:
    from loadcore.report.glyphs import Glyphs

MARGIN = " "
"""Stands before every line of a report."""

_GAP = 2
_NARROWEST_NAME = 16
_NARROWEST_TEXT = 10


class Role(Enum):
    """What a piece of text is, so that a painter can choose its colour."""

    GOOD = "good"
    BAD = "bad"
    WARNING = "warning"
    HEADING = "heading"
    QUIET = "quiet"


Paint = Callable[[str, Role], str]
"""Adds colour to a string without changing its content."""


def unpainted(text: str, _role: Role) -> str:
    """The painter of streams that take no colour."""
    return text


@dataclass(frozen=True, slots=True)
class Page:
    """What a report is drawn on.

    Attributes:
        width: Cells in a line; no line is longer.
        glyphs: What to draw with.
        paint: How to colour.
    """

    width: int
    glyphs: Glyphs
    paint: Paint = unpainted


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: Its heading.
        drop: Columns are left out from the highest of these numbers down when the width is too small; 0 = never.
        left: Whether it is aligned left; numbers are aligned right.
    """

    title: str
    drop: int = 0
    left: bool = False


class Cell(NamedTuple):
    """A string in a table, and how to paint it."""

    text: str
    role: Role | None = None


def cut(text: str, width: int, glyphs: Glyphs) -> str:
    """The text without control characters, or as much of it as fits with an ellipsis."""
    text = printable(text, glyphs)
    if cell_len(text) <= width:
        return text
    room = width - len(glyphs.ellipsis)
    return set_cell_size(text, max(width, 0)) if room <= 0 else set_cell_size(text, room) + glyphs.ellipsis


def cut_in_the_middle(text: str, width: int, glyphs: Glyphs) -> str:
    """The text in at most this number of cells, shortened in the middle: names differ mostly at their ends."""
    room = width - cell_len(glyphs.ellipsis)
    if cell_len(text) <= width or room < 2:  # noqa: PLR2004 - a cell on either side
        return cut(text, width, glyphs)
    tail = text[-(room // 2) :]
    while cell_len(tail) > room // 2:
        tail = tail[1:]
    return set_cell_size(text, room - cell_len(tail)) + glyphs.ellipsis + tail


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], page: Page) -> list[str]:
    """A heading and rows. Names in the first column are shortened, and other columns left out, where the width ends."""
    rows = [[cell._replace(text=printable(cell.text, page.glyphs)) for cell in row] for row in rows]
    kept = list(range(len(columns)))
    widths = [
        max(cell_len(column.title), *(cell_len(row[index].text) for row in rows)) if rows else cell_len(column.title)
        for index, column in enumerate(columns)
    ]
    room = page.width - len(MARGIN)

    def needed(first: int) -> int:
        return first + sum(widths[index] + _GAP for index in kept[1:])

    narrowest = min(widths[0], _NARROWEST_NAME)
    for index in sorted(range(1, len(columns)), key=lambda index: -columns[index].drop):
        if needed(narrowest) <= room or columns[index].drop == 0:
            break
        kept.remove(index)
    widths[0] = max(narrowest, min(widths[0], room - needed(0)))

    def line(cells: Sequence[Cell]) -> str:
        parts = []
        for index in kept:
            shorten = cut if index else cut_in_the_middle
            text = shorten(cells[index].text, widths[index], page.glyphs)
            padding = " " * (widths[index] - cell_len(text))
            role = cells[index].role
            painted = text if role is None or not text else page.paint(text, role)
            parts.append(painted + padding if columns[index].left else padding + painted)
        return (MARGIN + (" " * _GAP).join(parts)).rstrip()

    heading = [Cell(column.title, Role.HEADING) for column in columns]
    return [line(heading), *(line(row) for row in rows)]


def command_line(label: Cell, command: str, page: Page, *, indent: int = 9) -> str:
    """A labelled command, whole however narrow the page is: half a command cannot be copied."""
    start = label.text.ljust(indent)
    painted = start if label.role is None else page.paint(start, label.role)
    return f"{MARGIN}{painted}{printable(command, page.glyphs)}"


def facts(label: Cell, parts: Sequence[Cell], page: Page, *, indent: int = 9) -> list[str]:
    """A labelled line of facts with dots between, continued on further lines where the width ends."""
    separator = f" {page.glyphs.dot} "
    label = label._replace(text=printable(label.text, page.glyphs))
    start = label.text.ljust(indent) if len(label.text) < indent or not indent else f"{label.text} "
    room = max(page.width - len(MARGIN) - len(start), _NARROWEST_TEXT)
    lines: list[list[str]] = [[]]
    used = 0
    for part in parts:
        text = cut(part.text, room, page.glyphs)
        needed = cell_len(text) + (len(separator) if lines[-1] else 0)
        if lines[-1] and used + needed > room:
            lines.append([])
            used, needed = 0, cell_len(text)
        lines[-1].append(text if part.role is None else page.paint(text, part.role))
        used += needed
    first = start if label.role is None else page.paint(start, label.role)
    starts = [first, *([" " * len(start)] * (len(lines) - 1))]
    return [(MARGIN + begin + separator.join(texts)).rstrip() for begin, texts in zip(starts, lines, strict=True)]


def sentence(label: Cell, text: str, page: Page) -> list[str]:
    """A labelled sentence, wrapped between words; further lines align with the first word."""
    label = label._replace(text=printable(label.text, page.glyphs))
    words = iter(printable(word, page.glyphs) for word in text.split())
    room = max(page.width - len(MARGIN) - cell_len(label.text), _NARROWEST_TEXT)
    lines = [cut(next(words, ""), room, page.glyphs)]
    for word in words:
        longer = f"{lines[-1]} {word}"
        if cell_len(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(cut(word, room, page.glyphs))
    first = label.text if label.role is None else page.paint(label.text, label.role)
    indent = " " * cell_len(label.text)
    return [
        (MARGIN + begin + line).rstrip()
        for begin, line in zip([first, *[indent] * (len(lines) - 1)], lines, strict=True)
    ]


def wrapped(text: str, width: int) -> list[str]:
    """A line cut into lines of at most this many cells, without a loss."""
    lines = [""]
    used = 0
    for character in text:
        cells = cell_len(character)
        if used + cells > max(width, _NARROWEST_TEXT):
            lines.append("")
            used = 0
        lines[-1] += character
        used += cells
    return lines

"""A comparison as text for a terminal or a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.comparison import phrases
from loadcore.judge.comparing.change import Word
from loadcore.report import numbers
from loadcore.report.glyphs import UNICODE, printable
from loadcore.report.layout import Cell, Column, Page, Role, facts, sentence, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.comparison.differences import Differences, Ends
    from loadcore.comparison.sides import Side
    from loadcore.judge.comparing.change import Change

_MARKS = {Role.BAD: "bad", Role.GOOD: "good", Role.WARNING: "unknown", Role.QUIET: "dot"}
_ROLES = {Word.SLOWER: Role.BAD, Word.FASTER: Role.GOOD, Word.NO_EVIDENCE: Role.QUIET}
_LABEL = 10


def render(comparison: Differences, page: Page | None = None) -> str:
    """The whole comparison, without a line break at its end."""
    page = page or Page(80, UNICODE)
    blocks = (
        [*_side("A", comparison.before, page), *_side("B", comparison.after, page)],
        _verdict(comparison, page),
        _metrics(comparison, page),
        _own(comparison, page),
        _steps(comparison, page),
        [
            *_remarks("POWER", phrases.power(comparison), page),
            *_remarks("SAME", phrases.untested(comparison), page),
            *_remarks("NO VALUE", phrases.unmeasured(comparison), page),
        ],
        _left_out(comparison, page),
    )
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _side(letter: str, side: Side, page: Page) -> list[str]:
    count = len(side.runs)
    parts = [printable(side.label, page.glyphs), f"{count} run{'' if count == 1 else 's'}"]
    return facts(Cell(letter, Role.HEADING), [Cell(part) for part in parts], page, indent=3)


def _verdict(comparison: Differences, page: Page) -> list[str]:
    found = phrases.headline(comparison, page.glyphs)
    label = f"{getattr(page.glyphs, _MARKS[found.role])} {found.word}   "
    lines: list[str] = []
    for each in found.sentences:
        lines += sentence(Cell(" " * len(label)) if lines else Cell(label, found.role), each, page)
    return lines


def _metrics(comparison: Differences, page: Page) -> list[str]:
    rows = [_row(each.metric.name, each, page) for each in comparison.judged]
    rows += [_row(each.metric.name, each, page, note="not judged") for each in comparison.shown]
    columns = (
        Column("METRIC", left=True),
        Column("A"),
        Column("B"),
        Column("change"),
        Column("[95%]", left=True, drop=2),
        Column("p", drop=3),
        Column("", left=True, drop=1),
    )
    return table(columns, rows, page) if rows else []


def _row(name: str, change: Change, page: Page, *, note: str | None = None) -> list[Cell]:
    before, after = (phrases.quantity(change.metric, each, page.glyphs) for each in change.medians)
    said = Cell(note, Role.QUIET) if note else Cell(change.word.value if change.p else "", _ROLES[change.word])
    return [
        Cell(printable(name, page.glyphs)),
        Cell(before),
        Cell(after),
        Cell(phrases.amount(change)),
        Cell(phrases.between(change)),
        Cell(phrases.chance(change)),
        said,
    ]


def _own(comparison: Differences, page: Page) -> list[str]:
    """Of one run on each side: where the percentiles of the target lay while it lasted."""
    known = {name: ends for name, ends in comparison.own.items() if any(ends)}
    if not known:
        return []
    told = "the interval of each run is of its own requests: it says nothing about the next run, and is not a test"
    rows = [[Cell(name), *(Cell(_told(end, page)) for end in ends)] for name, ends in known.items()]
    columns = (Column("INTERVALS", left=True), Column("A [95%]"), Column("B [95%]"))
    return [*table(columns, rows, page), *sentence(Cell(""), told, page)]


def _told(ends: Ends, page: Page) -> str:
    if ends is None or ends[0] is None:
        return numbers.NONE
    low = numbers.duration(ends[0], page.glyphs)
    return f">{low}" if ends[1] is None else f"{low} - {numbers.duration(ends[1], page.glyphs)}"


def _steps(comparison: Differences, page: Page) -> list[str]:
    if not comparison.steps:
        return []
    several = len({each.scenario for each in comparison.steps}) > 1
    rows = [
        [
            Cell(printable(f"{each.scenario}: {each.step}" if several else each.step, page.glyphs)),
            Cell(each.change.metric.name.partition(".")[2]),
            *_row("", each.change, page)[1:5],
        ]
        for each in comparison.steps
    ]
    columns = (
        Column("STEP", left=True),
        Column("", left=True),
        Column("A"),
        Column("B"),
        Column("change"),
        Column("[95%]", left=True, drop=1),
    )
    return [*table(columns, rows, page), *sentence(Cell(""), "response times; steps are shown, not judged", page)]


def _remarks(label: str, said: Sequence[str], page: Page) -> list[str]:
    lines: list[str] = []
    for each in said:
        lines += sentence(Cell(("" if lines else label).ljust(_LABEL), Role.HEADING), each, page)
    return lines


def _left_out(comparison: Differences, page: Page) -> list[str]:
    told = [
        f"{letter} {each.name}: {each.reason}"
        for letter, side in (("A", comparison.before), ("B", comparison.after))
        for each in side.left_out
    ]
    return _remarks("LEFT OUT", [printable(each, page.glyphs) for each in told], page)

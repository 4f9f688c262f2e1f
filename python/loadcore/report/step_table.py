"""The table of steps, the same in reports and in live views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadcore.report import numbers
from loadcore.report.glyphs import Glyphs, printable
from loadcore.report.layout import Cell, Column, Page, Role, sentence, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_STEPS = 12
"""A table that is folded shows, of more steps, only the slowest and those with most errors."""

_OF_EACH_KIND = 5
_TIMES = (
    Column("p50", drop=2),
    Column("[95%]", drop=8, left=True),
    Column("p95"),
    Column("[95%]", drop=7, left=True),
    Column("p99", drop=3),
    Column("[95%]", drop=6, left=True),
)
"""Percentiles and their intervals. These are left out first; that of p99, which is the widest, last."""


Ends = tuple[int | None, int | None]
"""Of an interval, in nanoseconds; None: open."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """What the table says about one step.

    Attributes:
        name: The step, or `all`.
        requests: How many were made.
        requests_per_s: How many a second; None if none of them was sent.
        errors: How many of them count as errors.
        judged: What errors are of: requests that ended their step; all of them if not given.
        intervals: Lower and upper ends of p50, p95 and p99; empty where none are known.
        p50_ns: Of response times; None if no request was sent.
        p95_ns: As `p50_ns`.
        p99_ns: As `p50_ns`.
        max_ns: As `p50_ns`.
    """

    name: str
    requests: int
    requests_per_s: float | None
    errors: int
    p50_ns: int | None = None
    p95_ns: int | None = None
    p99_ns: int | None = None
    max_ns: int | None = None
    judged: int | None = None
    intervals: Sequence[Ends] = ()

    @property
    def error_rate(self) -> float | None:
        """Errors, of the requests that ended their step; None before the first of them."""
        judged = self.requests if self.judged is None else self.judged
        return self.errors / judged if judged else None


def step_table(
    heading: str, rows: Sequence[StepRow], total: StepRow | None, page: Page, *, fold: bool = True
) -> list[str]:
    """A row for each step, then the total.

    Args:
        heading: Stands above the names.
        rows: The steps, in the order of the scenario.
        total: All steps together, or None to leave it out.
        page: What to draw on.
        fold: Whether a long table shows only the most telling steps; a view that is redrawn has no room for more.
    """
    shown = most_telling(rows) if fold else rows
    everything = (*shown, *((total,) if total else ()))
    with_intervals = any(row.intervals for row in everything)
    columns = (
        Column(heading, left=True),
        Column("requests", drop=1),
        Column("req/s", drop=4),
        Column("errors"),
        *(column for column in _TIMES if with_intervals or not column.left),
        Column("max", drop=5),
    )
    cells = [_cells(row, page.glyphs, with_intervals=with_intervals) for row in everything]
    lines = table(columns, cells, page)
    hidden = len(rows) - len(shown)
    return [*lines, *sentence(Cell(""), f"+{hidden} more in the report", page)] if hidden else lines


def most_telling(rows: Sequence[StepRow]) -> Sequence[StepRow]:
    """All steps if they fit; else the slowest and those with most errors, in their own order."""
    if len(rows) <= MAX_STEPS:
        return rows
    slowest = sorted(rows, key=lambda row: -(row.p95_ns or 0))[:_OF_EACH_KIND]
    failing = sorted((row for row in rows if row.errors), key=lambda row: -row.errors)[:_OF_EACH_KIND]
    chosen = {id(row) for row in (*slowest, *failing)}
    return [row for row in rows if id(row) in chosen]


def _cells(row: StepRow, glyphs: Glyphs, *, with_intervals: bool) -> list[Cell]:
    return [
        Cell(printable(row.name, glyphs)),
        Cell(numbers.count(row.requests, glyphs)),
        Cell(numbers.rate(row.requests_per_s, glyphs)),
        Cell(numbers.percent(row.error_rate), Role.BAD if row.errors else None),
        *_times(row, glyphs, with_intervals=with_intervals),
        Cell(numbers.duration(row.max_ns, glyphs)),
    ]


def _times(row: StepRow, glyphs: Glyphs, *, with_intervals: bool) -> Iterator[Cell]:
    """The percentiles, each before its interval."""
    ends = row.intervals or [(None, None)] * 3
    for value, (low, high) in zip((row.p50_ns, row.p95_ns, row.p99_ns), ends, strict=True):
        told, inside = (numbers.NONE, "") if value is None else numbers.between(value, low, high, glyphs)
        yield Cell(told)
        if with_intervals:
            yield Cell(inside, Role.QUIET)

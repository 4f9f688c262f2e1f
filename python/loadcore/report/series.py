"""Several runs of one scenario: a line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report import numbers
from loadcore.report.glyphs import printable
from loadcore.report.layout import Cell, Column, Page, Role, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHORT_ID = 10
_ROLES = {"pass": Role.GOOD, "fail": Role.BAD, "invalid": Role.BAD, "no_data": Role.BAD}


def in_a_line(summary: Mapping[str, Any], page: Page) -> str:
    """A run in a few words: its verdict and its most asked-for numbers."""
    parts = [_status(summary), *_numbers(summary, page)]
    names = ("", "p50 ", "p99 ", "errors ", "")
    told = [f"{name}{part}" for name, part in zip(names, parts, strict=True)]
    return f" {page.glyphs.dot} ".join([*told[:-1], f"{told[-1]}/s"])


def render(summaries: Sequence[Mapping[str, Any]], page: Page) -> list[str]:
    """A table with a row for each run."""
    rows = [
        [
            Cell(str(each["run_id"])[:_SHORT_ID]),
            Cell(printable(_status(each), page.glyphs), _ROLES.get(each["verdict"]["status"], Role.WARNING)),
            *map(Cell, _numbers(each, page)),
        ]
        for each in summaries
    ]
    columns = (
        Column("RUN", left=True),
        Column("", left=True),
        Column("p50"),
        Column("p99"),
        Column("errors"),
        Column("req/s"),
    )
    return table(columns, rows, page)


def _status(summary: Mapping[str, Any]) -> str:
    return str(summary["verdict"]["status"]).upper().replace("_", " ")


def _numbers(summary: Mapping[str, Any], page: Page) -> list[str]:
    whole = summary["all"]
    return [
        numbers.duration(whole["response"]["p50_ns"], page.glyphs),
        numbers.duration(whole["response"]["p99_ns"], page.glyphs),
        numbers.percent(whole["error_rate"]),
        numbers.rate(whole["requests_per_s"], page.glyphs),
    ]

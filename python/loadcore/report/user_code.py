"""What the user's own code did, as the text report shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report import numbers, tables
from loadcore.report.glyphs import printable
from loadcore.report.layout import Cell, Column, Page, Role, cut, table

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRACEBACK_LINES = 8
_PRINTED_LINES = 4


def section(summary: Mapping[str, Any], page: Page) -> list[str]:
    """What the user's own code raised and called a failure, with the first traceback and what came before it."""
    code = summary.get("user_code") or {}
    raised, failures = code.get("exceptions", []), code.get("failures", [])
    rows = [
        [
            Cell(printable(_named(entry), page.glyphs), Role.BAD),
            Cell(numbers.count(entry["count"], page.glyphs)),
        ]
        for entry in raised[: tables.MAX_ROWS]
    ]
    lines = (
        table((Column("EXCEPTIONS", left=True), Column("count")), rows, page) + tables.more(raised, page)
        if rows
        else []
    )
    if raised:
        shown = raised[0]["traceback"].rstrip().splitlines()[-_TRACEBACK_LINES:]
        if printed := raised[0].get("printed", [])[-_PRINTED_LINES:]:
            shown += ["printed before the first:", *(f"  {line}" for line in printed)]
        lines += [cut(f"   {printable(line, page.glyphs)}", page.width, page.glyphs) for line in shown]
    rows = [
        [
            Cell(printable(entry["error"], page.glyphs), Role.BAD),
            Cell(numbers.count(entry["count"], page.glyphs)),
            Cell(printable(f"{entry['method']} {entry['name']}", page.glyphs)),
        ]
        for entry in failures[: tables.MAX_ROWS]
    ]
    if rows:
        columns = (Column("FAILURES", left=True), Column("count"), Column("request", left=True, drop=1))
        lines += ([""] if lines else []) + table(columns, rows, page) + tables.more(failures, page)
    return lines


def _named(exception: Mapping[str, Any]) -> str:
    return f"{exception['kind']} at {exception['place']}" if exception["place"] else str(exception["kind"])

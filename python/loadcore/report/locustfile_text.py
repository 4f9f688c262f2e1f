"""A Locust file as text: its user classes, what they do, and how it would run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report.glyphs import printable
from loadcore.report.layout import Cell, Column, Page, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.report.plan_text import Source

_CLIENTS = {"http": "HttpUser", "fast": "FastHttpUser", "own": "User"}


def render(facts: Mapping[str, Any], settings: Sequence[Source], page: Page) -> str:
    """The whole file, without a line break at its end.

    Args:
        facts: What is known of it.
        settings: The settings of the run, in the order to show.
        page: What to draw on.
    """

    def cells(*texts: object) -> list[Cell]:
        return [Cell(printable(str(text), page.glyphs)) for text in texts]

    columns = [Column("SETTING", left=True), Column("value", left=True), Column("from", left=True, drop=1)]
    blocks = [table(columns, [cells(*setting) for setting in settings], page)]
    columns = [
        Column("USER CLASS", left=True),
        Column("kind", left=True, drop=2),
        Column("host", left=True, drop=1),
        Column("weight"),
    ]
    rows = [
        cells(each["name"], _CLIENTS[each["client"]], each["host"] or "", _share(each)) for each in facts["classes"]
    ]
    blocks.append(table(columns, rows, page))
    tasks = [(each["name"], task) for each in facts["classes"] for task in each["tasks"]]
    columns = [Column("TASK", left=True), Column("of", left=True), Column("weight")]
    blocks.append(table(columns, [cells(task["name"], name, task["weight"]) for name, task in tasks], page))
    return "\n\n".join("\n".join(block) for block in blocks)


def _share(user: Mapping[str, Any]) -> str:
    """How many of all users are of a class."""
    return f"{user['fixed_count']} users" if user["fixed_count"] else str(user["weight"])

"""A list of runs as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loadcore.report import numbers
from loadcore.report.glyphs import printable
from loadcore.report.layout import MARGIN, Cell, Column, Page, Role, table
from loadcore.report.numbers import size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from loadcore.results.open.catalogue import Listed

_SHORT_ID = 10
_SHORT_COMMIT = 8
_ROLES = {"pass": Role.GOOD, "fail": Role.BAD, "invalid": Role.BAD, "no_data": Role.BAD, "unreadable": Role.BAD}


def render(runs: Sequence[Listed], page: Page) -> list[str]:
    """A row for each run, and what all of them take."""
    if not runs:
        return [f"{MARGIN}no runs"]
    rows = [_row(run, page) for run in runs]
    columns = (
        Column("RUN", left=True),
        Column("began (UTC)", left=True, drop=3),
        Column("name", left=True, drop=1),
        Column("", left=True),
        Column("p50", drop=4),
        Column("p99", drop=2),
        Column("req/s", drop=5),
        Column("size", drop=6),
        Column("tags", left=True, drop=7),
        Column("revision", left=True, drop=8),
    )
    total = f"{MARGIN}{len(runs)} run{'' if len(runs) == 1 else 's'}, {size(sum(run.bytes for run in runs))}"
    return [*table(columns, rows, page), "", total]


def _row(run: Listed, page: Page) -> list[Cell]:
    whole = None if run.summary is None else run.summary["all"]
    response = {} if whole is None else whole["response"]
    status = run.status.upper().replace("_", " ")
    return [
        Cell(printable(run.path.name[:_SHORT_ID] if _is_id(run.path.name) else run.path.name, page.glyphs)),
        Cell(f"{datetime.fromtimestamp(run.started_us / 1e6, UTC):%Y-%m-%d %H:%M}"),
        Cell(printable(run.name, page.glyphs)),
        Cell(status, _ROLES.get(run.status, Role.WARNING)),
        Cell(numbers.duration(response.get("p50_ns"), page.glyphs)),
        Cell(numbers.duration(response.get("p99_ns"), page.glyphs)),
        Cell(numbers.rate(None if whole is None else whole["requests_per_s"], page.glyphs)),
        Cell(size(run.bytes)),
        Cell(printable(", ".join(f"{key}={value}" for key, value in run.tags.items()), page.glyphs)),
        Cell(_revision(run.revision)),
    ]


def _is_id(name: str) -> bool:
    return len(name) == 26 and name.isalnum()  # noqa: PLR2004 - of a ULID


def _revision(revision: Mapping[str, Any] | None) -> str:
    """The commit in short, with a plus where files differ from it."""
    if revision is None:
        return ""
    return f"{revision['commit'][:_SHORT_COMMIT]}{'+' if revision['dirty'] else ''}"

"""What a calibration found, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report import numbers
from loadcore.report.glyphs import printable
from loadcore.report.layout import Cell, Page, Role, facts, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.judge.headroom import Headroom


def render(name: str, headroom: Headroom, measured: Mapping[str, Any], page: Page) -> str:
    """The headroom, what it was worked out of, and what was left out.

    Args:
        name: What the run is called.
        headroom: What the machine drives.
        measured: What was measured, as JSON has it.
        page: What to draw on.
    """
    glyphs = page.glyphs
    mark, role = (glyphs.good, Role.GOOD) if headroom.is_enough else (glyphs.bad, Role.BAD)
    lines = sentence(Cell(f"{mark} ", role), f"{printable(name, glyphs)}: {headroom.text}", page)
    for finding in headroom.findings():
        lines += sentence(Cell(f"  {glyphs.arrow} "), finding.advice, page)
    workers, users, requests = (numbers.count(measured[key], glyphs) for key in ("workers", "users", "requests"))
    parts = [
        f"{numbers.duration(measured['cpu_ns_per_request'], glyphs)} of CPU per request",
        f"{headroom.cores:g} cores",
        f"{workers} worker{'' if measured['workers'] == 1 else 's'}",
        f"{users} user{'' if measured['users'] == 1 else 's'}",
        f"{requests} requests in {numbers.span(measured['seconds'])}",
    ]
    lines += ["", *facts(Cell("MEASURED", Role.HEADING), [Cell(part) for part in parts], page, indent=10)]
    for clause in measured["not_covered"]:
        lines += sentence(Cell("not covered: ", Role.WARNING), str(clause), page)
    return "\n".join(lines)

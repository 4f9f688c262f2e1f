"""The samples of a summary: the reason of each kind of failure, and what it looked like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadcore.report.exchange import exchange
from loadcore.report.glyphs import printable
from loadcore.report.layout import MARGIN, Cell, Page, Role, cut, sentence

Entry = Mapping[str, Any]

Key = tuple[str, str, str]
"""Step, kind, and which."""


def reasons(summary: Entry) -> dict[Key, str]:
    """Why what failed failed, by what failed. Of a status that is what the target says, if it says anything."""
    found: dict[Key, str] = {}
    for sample in summary.get("samples", ()):
        said = " ".join((sample["response"] or {}).get("body", "").split()) if sample["kind"] == "status" else ""
        found.setdefault((sample["step"], sample["kind"], sample["what"]), said or sample["reason"])
    return found


def reason_of(error: Entry, found: Mapping[Key, str]) -> str | None:
    """Why an error of the summary happened, where a sample says so."""
    if not error["status"]:
        return found.get((error["step"], "outcome", str(error["outcome"])))
    # A token endpoint may answer as it should, and have no token all the same.
    status = found.get((error["step"], "status", str(error["status"])))
    return status or found.get((error["step"], "token", "access_token"))


def section(summary: Entry, page: Page) -> list[str]:
    """Every sample in full, the first failure first; empty if nothing failed."""
    found: Sequence[Entry] = summary.get("samples", ())
    lines: list[str] = []
    for sample in found:
        title = f"{sample['step']} {page.glyphs.arrow} {_what(sample)}"
        heading = f"{MARGIN}{printable(title, page.glyphs)}"
        lines += ["", page.paint(cut(heading, page.width, page.glyphs), Role.HEADING)]
        lines += sentence(Cell("  "), printable(sample["reason"], page.glyphs), page)
        lines += exchange(sample, page, full=True)
    return [f"{MARGIN}{page.paint('SAMPLES', Role.HEADING)}  the first failure of each kind", *lines] if lines else []


def _what(sample: Entry) -> str:
    match sample["kind"]:
        case "status" | "outcome":
            return str(sample["what"])
        case kind:
            return f"{kind} {sample['what']}"

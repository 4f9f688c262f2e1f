"""The verdict in one word with its reasons, the same in every form of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from loadcore.report.layout import Role
from loadcore.results.sum.verdict import standing

if TYPE_CHECKING:
    from collections.abc import Mapping


class Headline(NamedTuple):
    """How a run stands.

    Attributes:
        word: One or two words: `PASS`, `NO DATA`.
        role: Whether that is good, bad, or a warning.
        is_known: Whether it passed or failed; otherwise its mark is a question mark.
        reasons: Why, the first of them first; never empty.
        doubts: Reasons to doubt the numbers that are not among the reasons.
    """

    word: str
    role: Role
    is_known: bool
    reasons: list[str]
    doubts: list[str]


_WORDS = {
    "pass": ("PASS", Role.GOOD, True),
    "fail": ("FAIL", Role.BAD, True),
    "invalid": ("INVALID", Role.BAD, True),
    "no_data": ("NO DATA", Role.BAD, False),
    "interrupted": ("INTERRUPTED", Role.WARNING, False),
    "running": ("STILL RUNNING", Role.WARNING, False),
}


def headline(summary: Mapping[str, Any]) -> Headline:
    """The headline of a run. One that passed with doubts starts with the doubts."""
    verdict = summary["verdict"]
    word, role, is_known = _WORDS[verdict["status"]]
    doubts = [str(each) for each in verdict.get("suspect", ())]
    reasons = [str(each) for each in verdict["reasons"]] or [standing(summary["thresholds"])]
    if verdict["status"] == "pass" and doubts:
        return Headline("SUSPECT", Role.WARNING, is_known=False, reasons=[*doubts, *reasons], doubts=[])
    return Headline(word, role, is_known, reasons, doubts)

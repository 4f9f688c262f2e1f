"""Whether what a run says is true: pure, of a situation and what was observed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.verdict.running import Observed
    from tests.verdict.situation import Figure, Named, Situation

REFUSED, INVALID = 104, 111
WRONG = 0.10
"""A report that is further from the truth than this share, at p50, p95 or p99, must not be called valid."""
EDGE = 0.03
"""A report that is this near to `WRONG` may be called either, where a single run decides."""
NOTICEABLE = 0.03
"""One that is nearer than this share is undisturbed."""
ENOUGH_ARRIVALS = 0.99
_WAY_NS = 100_000
"""The way to the server and back and two times a thread wakes up, which the server cannot see."""
_PERCENTILES = ("p50_ns", "p95_ns", "p99_ns")
_BLAMES = {"invalid", "suspect", "refused"}
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
_NUMBER = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s*(ns|us|µs|ms|s|min|/s|a second|%)?(?![\w])")


@dataclass(frozen=True)
class Score:
    """How true a run's conclusions are."""

    is_named: bool
    """Whether everything is named that had to be, with a figure and a remedy."""
    missing: tuple[str, ...]
    """What was not."""
    false_blames: tuple[str, ...]
    is_false_invalid: bool
    is_false_pass: bool
    wrong_exit: str | None
    """What the exit code is and should have been."""
    reported: tuple[float, ...] | None
    off: float | None
    """By which share the report is off the truth, at its worst percentile."""

    @property
    def is_at_the_edge(self) -> bool:
        """Whether the report is off by nearly the share that decides, so that it may be called either."""
        return self.off is not None and abs(self.off - WRONG) <= EDGE

    @property
    def is_right(self) -> bool:
        """Whether there is nothing to complain of."""
        false = self.is_false_invalid or self.is_false_pass or self.wrong_exit or self.false_blames
        return self.is_named and not false


def score(situation: Situation, observed: Observed) -> Score:
    """Judge what a run says by what is true of it."""
    expected = situation.expected
    reported = _reported(observed.summary)
    off = _off(reported, observed.truth)
    said = list(findings(observed))
    nothing_to_name = expected.needs_effect and off is not None and off <= NOTICEABLE
    missing = () if nothing_to_name else tuple(named.about for named in expected.named if not _is_named(named, said))
    invalid = observed.exit_code == INVALID
    must_be_valid = off is not None and off <= WRONG
    false_pass = (off is not None and off > WRONG and not invalid) or _lacks_arrivals(situation, observed)
    return Score(
        is_named=not missing,
        missing=missing,
        false_blames=tuple(_false_blames(situation, said, off)),
        is_false_invalid=invalid and must_be_valid,
        is_false_pass=false_pass and observed.exit_code != REFUSED,
        wrong_exit=_wrong_exit(situation, observed.exit_code, off),
        reported=reported,
        off=off,
    )


def findings(observed: Observed) -> Iterator[dict[str, Any]]:
    """Everything that a run names, each with a subject. A refusal is the client's, and names what it lacks."""
    summary = observed.summary
    if "findings" in summary:
        yield from summary["findings"]
    else:
        client = summary.get("client", {})
        yield from ({"subject": "client", "severity": "invalid", **each} for each in client.get("reasons", ()))
        yield from ({"subject": "other programs", "severity": "note", **each} for each in client.get("notes", ()))
    if observed.exit_code == REFUSED:
        yield {
            "subject": "client",
            "severity": "refused",
            "rule": "",
            "message": observed.text,
            "advice": observed.text,
        }


def numbers(text: str) -> Iterator[tuple[float, str]]:
    """The numbers in a sentence, each with its unit; times in seconds."""
    for digits, unit in _NUMBER.findall(text):
        number = float(digits.replace(",", ""))
        if unit in _UNITS:
            yield number * _UNITS[unit], "s"
        else:
            yield number, "/s" if unit == "a second" else unit


def _is_named(named: Named, said: Sequence[dict[str, Any]]) -> bool:
    return any(_names(finding, named) for finding in said)


def _names(finding: dict[str, Any], named: Named) -> bool:
    if finding["subject"] != named.subject or not finding.get("advice"):
        return False
    words = f"{finding['rule']} {finding['message']}"
    advised = f"{words} {finding['advice']}"
    if not re.search(named.about, words, re.IGNORECASE) or not re.search(named.remedy, advised, re.IGNORECASE):
        return False
    told = list(numbers(finding["message"]))
    return any(_is_near(number, unit, named.figure) for number, unit in told) if named.figure else bool(told)


def _is_near(number: float, unit: str, figure: Figure) -> bool:
    return unit == figure.unit and abs(number - figure.true) <= figure.within * figure.true


def _false_blames(situation: Situation, said: Sequence[dict[str, Any]], off: float | None) -> Iterator[str]:
    expected = situation.expected
    allowed = {named.subject for named in expected.named} | expected.may_blame
    disturbed = off is not None and off > NOTICEABLE
    for finding in said:
        subject = finding["subject"]
        if expected.never and re.search(expected.never, f"{finding['rule']} {finding['message']}", re.IGNORECASE):
            yield f"{subject}: {finding['rule']}"
            continue
        if finding["severity"] not in _BLAMES and subject != "target":
            continue
        if subject in allowed or subject == "results":
            continue
        if subject in {"client", "other programs"} and disturbed:
            continue
        yield f"{subject}: {finding['rule']}"


def _wrong_exit(situation: Situation, exit_code: int, off: float | None) -> str | None:
    codes = set(situation.expected.exit_codes)
    if off is not None and off > WRONG:
        codes = {INVALID}
    elif not codes:
        codes = {0}
    if exit_code in codes:
        return None
    return f"{exit_code}, not {' or '.join(map(str, sorted(codes)))}"


def _lacks_arrivals(situation: Situation, observed: Observed) -> bool:
    """Whether a run is green though its slow phases got less than was due in them."""
    arrived, due = observed.arrived_in_slow_phases, situation.due_in_slow_phases
    if arrived is None or due is None:
        return False
    return observed.exit_code == 0 and arrived < ENOUGH_ARRIVALS * due


def _reported(summary: dict[str, Any]) -> tuple[float, ...] | None:
    times = summary.get("all", {}).get("response", {})
    if any(times.get(name) is None for name in _PERCENTILES):
        return None
    return tuple(float(times[name]) for name in _PERCENTILES)


def _off(reported: tuple[float, ...] | None, truth: tuple[float, ...] | None) -> float | None:
    if reported is None or truth is None:
        return None
    return max(max(0.0, abs(says - true) - _WAY_NS) / true for says, true in zip(reported, truth, strict=True))

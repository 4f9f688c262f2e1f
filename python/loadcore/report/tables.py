"""The tables of the text report: steps, groups, checks, errors, traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadcore.report import beside, numbers, uncertain
from loadcore.report.glyphs import Glyphs, printable
from loadcore.report.layout import MARGIN, Cell, Column, Page, Role, cut, facts, sentence, table
from loadcore.report.samples import Key, reason_of, reasons
from loadcore.report.step_table import StepRow, step_table

Entry = Mapping[str, Any]

MAX_ROWS = 8
"""Rows of the tables of errors and of failed checks."""

MOST_TRACES = 3
"""Rows of the table of traces."""

_TIME_COLUMNS = (Column("p50", drop=2), Column("p95"), Column("p99", drop=3), Column("max", drop=5))
_TIMES = ("p50_ns", "p95_ns", "p99_ns", "max_ns")


def steps(summary: Entry, section: str, heading: str, page: Page) -> list[str]:
    """Requests of one section of the scenarios, a row for each step; empty if none was made."""
    found = [step for step in summary["steps"] if step["section"] == section and step["requests"]]
    if not found:
        return []
    several = len({step["scenario"] for step in found}) > 1
    rows = [step_row(f"{step['scenario']}: {step['name']}" if several else step["name"], step) for step in found]
    total = step_row("all", summary["all"]) if section == "main" and len(found) > 1 else None
    lines = step_table(heading, rows, total, page, fold=False)
    told = [_which_time(summary)] if section == "main" else []
    told += beside.of(found, page.glyphs)
    told += uncertain.of(summary["all"] if total else found[0], page.glyphs) if section == "main" else []
    return [*lines, *(line for text in told for line in sentence(Cell(""), text, page))]


_LEAST_SPAN_S = 0.1
"""A run that was measured for less has no rate."""


def step_row(name: str, step: Entry) -> StepRow:
    """A step of the summary as a row of the table."""
    times = step["response"]
    rate = step["requests_per_s"]
    # A rate of requests that never left would be a boast, and so would one of two requests in a millisecond.
    if step["not_sent"] == step["requests"] or (rate and step["answered"] / rate < _LEAST_SPAN_S):
        rate = None
    p50, p95, p99, highest = (times[key] for key in _TIMES)
    return StepRow(
        name,
        step["requests"],
        rate,
        step["errors"],
        p50,
        p95,
        p99,
        highest,
        judged=step.get("judged"),
        intervals=uncertain.ends(times),
    )


def groups(summary: Entry, page: Page) -> list[str]:
    """Groups of steps, each timed as one."""
    found = [group for group in summary["groups"] if group["count"]]
    rows = []
    for group in found:
        failed = group["failed"]
        rows.append(
            [
                Cell(printable(group["name"], page.glyphs)),
                Cell(numbers.count(group["count"], page.glyphs)),
                Cell(numbers.percent(failed / group["count"]), Role.BAD if failed else None),
                *(Cell(numbers.duration(group["duration"][name], page.glyphs)) for name in _TIMES),
            ]
        )
    columns = (Column("GROUP", left=True), Column("ended", drop=1), Column("failed"), *_TIME_COLUMNS)
    return table(columns, rows, page) if rows else []


def checks(summary: Entry, page: Page) -> list[str]:
    """The checks that failed, or one line that says that all hold."""
    found = [check for check in summary["checks"] if check["evaluated"]]
    if not found:
        return []
    glyphs = page.glyphs
    failing = sorted((check for check in found if check["failed"]), key=lambda check: -int(check["failed"]))
    if not failing:
        made = numbers.count(sum(check["evaluated"] for check in found), glyphs)
        return facts(Cell("CHECKS", Role.HEADING), [Cell(f"{made} made, all hold")], page)
    columns = (Column("CHECKS", left=True), Column("step", left=True, drop=1), Column("failed"), Column("of"))
    rows = [
        [
            Cell(printable(check["name"], glyphs), Role.BAD),
            Cell(printable(check["step"], glyphs)),
            Cell(numbers.count(check["failed"], glyphs)),
            Cell(numbers.count(check["evaluated"], glyphs)),
        ]
        for check in failing[:MAX_ROWS]
    ]
    return table(columns, rows, page) + more(failing, page)


def errors(summary: Entry, page: Page) -> list[str]:
    """What went wrong, how often, in which step, and from when to when; all phases together."""
    found = merged(summary["errors"])
    rows = [
        [
            Cell(what_of(error), Role.BAD),
            Cell(numbers.count(error["count"], page.glyphs)),
            Cell(printable(error["step"], page.glyphs)),
            Cell(seen(error, page.glyphs)),
        ]
        for error in found[:MAX_ROWS]
    ]
    columns = (
        Column("ERRORS", left=True),
        Column("count"),
        Column("step", left=True, drop=2),
        Column("seen", left=True, drop=1),
    )
    why = _reasons(found[:MAX_ROWS], reasons(summary), page)
    return [*table(columns, rows, page), *more(found, page), *why, *_by_policy(found, page)] if rows else []


def traces(summary: Entry, page: Page) -> list[str]:
    """The slowest requests that carried a `traceparent`, with the ids of their traces."""
    found = summary.get("traces")
    if not found or not found["slowest"]:
        return []
    rows = [
        [
            Cell(each["trace_id"]),
            Cell(numbers.duration(each["service_ns"], page.glyphs)),
            Cell(printable(each["step"], page.glyphs)),
        ]
        for each in found["slowest"][:MOST_TRACES]
    ]
    columns = (Column("SLOWEST TRACED", left=True), Column("service"), Column("step", left=True, drop=1))
    return table(columns, rows, page)


def _by_policy(found: Sequence[Entry], page: Page) -> list[str]:
    """Which of the errors are responses by policy."""
    counts: dict[str, int] = {}
    for error in found:
        if policy := error.get("policy"):
            what = f"{what_of(error)} ({policy.replace('_', ' ')})"
            counts[what] = counts.get(what, 0) + int(error["count"])
    if not counts:
        return []
    named = ", ".join(f"{numbers.count(count, page.glyphs)} {what}" for what, count in counts.items())
    return sentence(Cell(""), f"responses by policy rather than failures: {named}", page)


def _reasons(found: Sequence[Entry], known: Mapping[Key, str], page: Page) -> list[str]:
    """Why each kind of error happened: what its sample says, else what the outcome means. Equal words stand once."""
    glyphs = page.glyphs
    said: dict[str, None] = {}
    for error in found:
        reason = reason_of(error, known) or error.get("cause")
        if reason:
            said[printable(f"{what_of(error)}: {reason}", glyphs)] = None
    return [cut(f"{MARGIN}{text}", page.width, glyphs) for text in said]


def more(found: Sequence[Entry], page: Page) -> list[str]:
    """How many rows a table leaves out."""
    hidden = len(found) - MAX_ROWS
    return sentence(Cell(""), f"+{hidden} more in summary.json", page) if hidden > 0 else []


def _which_time(summary: Entry) -> str:
    """Says what the times of the table are, because a closed loop's cannot be read like an open one's."""
    scenarios = summary["load"]["scenarios"]
    closed = [str(scenario["name"]) for scenario in scenarios if scenario["model"] == "closed"]
    text = "response time: due to last byte"
    if not closed:
        return text
    which = "closed loop" if len(closed) == len(scenarios) else f"closed loop in {', '.join(closed)}"
    return f"{text}; {which}: a slow target gets less load"


def merged(errors_by_phase: Sequence[Entry]) -> list[Entry]:
    """One entry for each kind of error of a step, the most frequent first: the phases are one story."""
    kinds: dict[tuple[str, str], dict[str, Any]] = {}
    for error in errors_by_phase:
        entry = kinds.setdefault((error["step"], what_of(error)), {**error, "count": 0})
        entry["count"] += error["count"]
        entry["first_s"] = min(entry["first_s"], error["first_s"])
        entry["last_s"] = max(entry["last_s"], error["last_s"])
    return sorted(kinds.values(), key=lambda error: -int(error["count"]))


def what_of(error: Entry) -> str:
    """The kind of an error: `http_` and its status, or its outcome."""
    return f"http_{error['status']}" if error["status"] else str(error["outcome"])


def seen(error: Entry, glyphs: Glyphs) -> str:
    """From when to when it was seen."""
    first, last = numbers.clock(error["first_s"]), numbers.clock(error["last_s"])
    return first if first == last else f"{first} {glyphs.dash} {last}"

"""A run as Markdown, for the comment on a change and for the summary of a CI job: at most some sixty lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report import numbers, tables
from loadcore.report.changes import changes
from loadcore.report.escaping import markdown as escaped
from loadcore.report.glyphs import UNICODE
from loadcore.report.headline import headline
from loadcore.report.text import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Entry = Mapping[str, Any]

_MARKS = {"PASS": ":white_check_mark:", "FAIL": ":x:", "INVALID": ":x:"}
_STATES = {"pass": ":white_check_mark:", "fail": ":x: crossed", "no_data": ":grey_question: no data"}
_MOST_STEPS = 20
_MOST_ERRORS = 8
_SHORT_ID = 10
_TIMES = ("p50_ns", "p95_ns", "p99_ns", "max_ns")


def render(summary: Entry) -> str:
    """The document, with a line break at its end."""
    found = headline(summary)
    mark = _MARKS.get(found.word, ":grey_question:")
    blocks = [
        [f"### {mark} {escaped(str(summary['name']))}: {found.word}"],
        [f"- {escaped(each)}" for each in (*found.reasons, *(f"suspect: {doubt}" for doubt in found.doubts))],
        [escaped(changes(summary))] if changes(summary) else [],
        _thresholds(summary["thresholds"]),
        _steps(summary),
        _errors(summary),
        _footer(summary),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _thresholds(found: Sequence[Entry]) -> list[str]:
    rows = [
        f"| {escaped(str(each['expression']))} | {quantity(each['value'], each['unit'], UNICODE)} "
        f"| {_STATES[each['state']]} |"
        for each in found
    ]
    return ["| threshold | measured | |", "|---|--:|---|", *rows] if rows else []


def _steps(summary: Entry) -> list[str]:
    found = [step for step in summary["steps"] if step["section"] == "main" and step["requests"]]
    if not found:
        return []
    found.sort(key=lambda step: -(step["response"]["p95_ns"] or 0))
    rows = [_step(str(step["name"]), step) for step in found[:_MOST_STEPS]]
    rows += [_step("all", summary["all"])] if len(found) > 1 else []
    lines = ["| step | requests | req/s | errors | p50 | p95 | p99 | max |", "|---|--:|--:|--:|--:|--:|--:|--:|", *rows]
    hidden = len(found) - _MOST_STEPS
    return [*lines, "", f"+{hidden} steps that are faster"] if hidden > 0 else lines


def _step(name: str, step: Entry) -> str:
    times = (numbers.duration(step["response"][each]) for each in _TIMES)
    counts = (
        numbers.count(step["requests"]),
        numbers.rate(step["requests_per_s"]),
        numbers.percent(step["error_rate"]),
    )
    return f"| {' | '.join([escaped(name), *counts, *times])} |"


def _errors(summary: Entry) -> list[str]:
    found = tables.merged(summary["errors"])
    rows = [
        f"| {escaped(tables.what_of(each))} | {numbers.count(each['count'])} | {escaped(str(each['step']))} "
        f"| {tables.seen(each, UNICODE)} |"
        for each in found[:_MOST_ERRORS]
    ]
    return ["| error | count | step | seen |", "|---|--:|---|---|", *rows] if rows else []


def _footer(summary: Entry) -> list[str]:
    client = summary["client"]
    parts = [f"client {client['verdict'].removeprefix('client_').replace('_', ' ')}"]
    if client["cpu_ratio"] is not None:
        parts.append(f"cpu {numbers.percent(client['cpu_ratio'])}")
    if client["lag_p99_ns"] is not None:
        parts.append(f"lag p99 {numbers.duration(client['lag_p99_ns'])}")
    parts += [numbers.span(summary["duration_s"]), f"run {str(summary['run_id'])[:_SHORT_ID]}"]
    if revision := summary.get("revision"):
        parts.append(f"revision {revision['commit'][:_SHORT_ID]}{' with changes' if revision['dirty'] else ''}")
    return [f"<sub>{' · '.join(parts)}</sub>"]

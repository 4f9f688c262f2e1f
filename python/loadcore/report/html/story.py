"""The three answers at the top of a run's page: did it pass, where did it break, was it client or server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loadcore.judge.headroom import told
from loadcore.report import numbers, uncertain
from loadcore.report.changes import MOST, change_of, changes, orders_of
from loadcore.report.glyphs import UNICODE
from loadcore.report.headline import headline
from loadcore.report.html.chart import Mark
from loadcore.report.html.sentences import sentence
from loadcore.report.numbers import clock
from loadcore.report.tables import merged, what_of
from loadcore.report.text import notes_of_client, quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.judge.crossing import Crossing
    from loadcore.report.html.history import History
    from loadcore.results.open.timeline import Moment

_FEW: Final = 3
"""Findings and stretches that are listed."""
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WHO: Final = {
    "client": "the client",
    "script": "the script",
    "target": "the target",
    "other programs": "other programs",
}


@dataclass(frozen=True)
class Line:
    """A sentence of an answer.

    Attributes:
        text: What it says.
        role: `good`, `bad`, `warning`, `advice`, or empty.
        label: Stands before it, in bold.
    """

    text: str
    role: str = ""
    label: str = ""


@dataclass(frozen=True)
class Claim:
    """A threshold as it is shown: what was measured, and when it was crossed."""

    expression: str
    state: str
    measured: str
    note: str
    when: str


@dataclass(frozen=True)
class Story:
    """The three answers, and the seconds that they are about."""

    claims: Sequence[Claim]
    broke: Sequence[Line]
    who: Sequence[Line]
    marks: Sequence[Mark] = field(default_factory=tuple)


def story_of(history: History) -> Story:
    """The answers of a run."""
    return Story(
        claims=[_claim(each, history.crossings.get(each["expression"])) for each in history.summary["thresholds"]],
        broke=list(_where(history)),
        who=_who(history),
        marks=_marks(history),
    )


def _claim(threshold: Mapping[str, Any], crossing: Crossing | None) -> Claim:
    measured, sure = uncertain.measured(threshold, UNICODE)
    measured = measured or quantity(threshold["value"], threshold["unit"], UNICODE)
    words = [sure, "ended the run" if threshold.get("ended_run") else "", "default" if threshold.get("default") else ""]
    return Claim(threshold["expression"], threshold["state"], measured, ", ".join(filter(None, words)), _when(crossing))


def _when(crossing: Crossing | None) -> str:
    """When a threshold was crossed: `crossed 1:08 – 2:00, until the end`."""  # noqa: RUF002 - the dash that is printed
    if crossing is None:
        return ""
    shown = [_span(each.from_s, each.to_s) for each in crossing.stretches[:_FEW]]
    more = len(crossing.stretches) - _FEW
    text = f"crossed {', '.join(shown)}" + (f" and {more} times more" if more > 0 else "")
    return f"{text}, until the end" if crossing.until_the_end else f"{text}, then recovered"


def _span(from_s: float, to_s: float) -> str:
    """From the first to the last second of a stretch."""
    last_s = max(from_s, to_s - 1)
    return clock(from_s) if int(from_s) == int(last_s) else f"{clock(from_s)} {UNICODE.dash} {clock(last_s)}"


def _where(history: History) -> Sequence[Line]:
    changed = changes(history.summary)
    return [*_broke_or_held(history), *([Line(sentence(changed), label="Note:")] if changed else ())]


def _broke_or_held(history: History) -> Sequence[Line]:
    status = history.summary["verdict"]["status"]
    if not history.moments or not any(each.done for each in history.moments):
        return [Line("Nothing was measured.", "bad")]
    if history.summary["client"]["verdict"] == "client_limited":
        text = "The client was the limit: what follows is its doing as well as the target's."
        return [Line(text, "warning"), *_held(history, status)]
    return _held(history, status)


def _held(history: History, status: str) -> Sequence[Line]:
    """The same of a run that did not break in one place, or at all."""
    if history.broke is not None:
        return _broken(history, history.broke)
    highest = _highest(history.moments)
    held = Line(f"{_load_of(highest)}, at {clock(highest.from_s)}.", label="Highest load:")
    failed = any(each["state"] == "fail" for each in history.summary["thresholds"])
    if history.crossings and failed:
        single = [name for name, each in history.crossings.items() if not each.lasting]
        text = "Not in one place: no threshold was crossed for three seconds in a row."
        return [Line(text, "warning"), *_singles(history, single), held]
    if failed:
        text = f"A threshold was crossed over the whole run, and in no single {history.span_words} of it."
        return [Line(text, "warning"), held]
    if status == "fail":
        reason = headline(history.summary).reasons[0]
        return [Line(sentence(f"no threshold was crossed; {reason}"), "warning"), held]
    so_far = _so_far(history.summary)
    if history.crossings:
        name, crossing = next(iter(history.crossings.items()))
        return [Line(f"{so_far}.", "good"), Line(f"{_when(crossing)}.", label=f"{name}:"), held]
    return [Line(f"{so_far}: no threshold was crossed in any {history.span_words}.", "good"), held]


def _so_far(summary: Mapping[str, Any]) -> str:
    if summary["verdict"]["status"] == "running":
        return "It has not broken so far"
    return "It did not break in what was recorded of it" if summary["truncated"] else "It did not break"


def _singles(history: History, names: Sequence[str]) -> list[Line]:
    return [Line(f"{_when(history.crossings[name])}.", label=f"{name}:") for name in names[:_FEW]]


def _broken(history: History, broke: Crossing) -> Sequence[Line]:
    stretch = broke.stretches[0]
    lines = [Line(f"{broke.expression} was {_when(broke)}.", "bad", f"At {clock(stretch.from_s)}:")]
    healthy = history.last_healthy
    if healthy is None:
        lines.append(Line("From the first second on: no load was healthy.", "bad"))
    else:
        lines.append(Line(f"{_load_of(healthy)}, at {clock(healthy.from_s)}.", label="Last healthy:"))
    lines.append(Line(f"{_load_of(_highest(history.moments))}.", label="Highest load:"))
    worst = _worst_step(history)
    return [*lines, worst] if worst else lines


def _worst_step(history: History) -> Line | None:
    """The step with most of the errors, else the slowest one, where there are several."""
    steps = [each for each in history.summary["steps"] if each["section"] == "main" and each["requests"]]
    found = merged([each for each in history.summary["errors"] if each["section"] == "main"])
    if found:
        step = max(steps, key=lambda each: int(each["errors"]), default=None)
        total = sum(each["errors"] for each in steps)
        if step is not None and total:
            kinds = [what_of(each) for each in found if each["step"] == step["name"]]
            share = numbers.percent(step["errors"] / total)
            return Line(f"{step['name']}, {share} of the errors ({', '.join(kinds[:2])}).", label="Worst step:")
    slow = max(steps, key=lambda each: each["response"]["p95_ns"] or 0, default=None)
    if slow is None or len(steps) < 2:  # noqa: PLR2004 - one is not the slowest of anything
        return None
    return Line(f"{slow['name']}, p95 {numbers.duration(slow['response']['p95_ns'])}.", label="Slowest step:")


def _highest(moments: Sequence[Moment]) -> Moment:
    return max(moments, key=lambda each: each.answered / each.seconds)


def _load_of(moment: Moment) -> str:
    """The load of a moment: `746 users, 4 771/s answered, p95 27.0ms`."""
    parts = [f"{numbers.count(moment.users)} user{'' if moment.users == 1 else 's'}"] if moment.users else []
    parts.append(f"{numbers.rate(moment.answered / moment.seconds)}/s answered")
    if moment.response is not None:
        parts.append(f"p95 {numbers.duration(moment.response.p95_ns)}")
    return ", ".join(parts)


def _who(history: History) -> list[Line]:
    summary = history.summary
    named = summary.get("bottleneck") or {"subject": None, "rule": None, "message": "the bottleneck is unknown"}
    role = {"client": "bad", "script": "bad", "other programs": "bad", "target": "warning"}.get(
        str(named["subject"]), ""
    )
    lines = [Line(sentence(named["message"]), role), _client(summary["client"])]
    told_by = [each for each in summary["findings"] if each["severity"] in {"invalid", "suspect"}]
    told_by += [each for each in summary["findings"] if each["subject"] == "target" and each not in told_by]
    lines += [
        Line(sentence(each["message"]), "bad" if each["severity"] == "invalid" else "warning")
        for each in told_by[:_FEW]
        if each["message"] not in named["message"]
    ]
    advice = dict.fromkeys(each["advice"] for each in told_by[:_FEW])
    lines += [Line(sentence(text), "advice") for text in advice]
    lines += [Line(sentence(each["message"]), label="Note:") for each in notes_of_client(summary)]
    return lines


def _client(health: Mapping[str, Any]) -> Line:
    parts = []
    if health["cpu_ratio"] is not None:
        parts.append(f"CPU {numbers.percent(health['cpu_ratio'])} of a core at most")
    if health["lag_p99_ns"] is not None:
        parts.append(f"lag p99 {numbers.duration(health['lag_p99_ns'])}")
    if health["open_fds"] is not None:
        limit = f" of {numbers.count(health['fd_limit'])}" if health["fd_limit"] else ""
        parts.append(f"{numbers.count(health['open_fds'])}{limit} files")
    if (headroom := health.get("headroom")) is not None:
        parts.append(f"headroom {told(headroom)}")
    word, role = {
        "healthy": ("The client kept up:", "good"),
        "suspect": ("The client is suspect:", "warning"),
        "client_limited": ("The client was the limit:", "bad"),
    }[health["verdict"]]
    return Line(f"{', '.join(parts) or 'nothing was measured'}.", role, word)


def _marks(history: History) -> list[Mark]:
    """The seconds of the verdict: where the run broke, and when each finding held."""
    marks = []
    if (broke := history.broke) is not None:
        from_s, end_s = broke.stretches[0].from_s, broke.stretches[-1].to_s
        text = f"{broke.expression} {_when(broke)}."
        marks.append(Mark("broke", "", from_s, end_s, f"broke {clock(from_s)}", text))
    timed = [each for each in history.summary["findings"] if each["first_s"] is not None]
    for letter, finding in zip(_LETTERS, timed, strict=False):
        who = finding["subject"]
        kind = {"client": "client", "script": "client", "target": "target"}.get(who, "other")
        last_s = finding["last_s"] if finding["last_s"] is not None else finding["first_s"]
        title = f"{_WHO.get(who, who)}: {finding['rule'].replace('_', ' ')}"
        marks.append(Mark(kind, letter, finding["first_s"], last_s + 1, title, sentence(finding["message"])))
    for worker in history.summary["workers_lost"]:
        if worker["after_s"] is not None:
            text = f"Worker {worker['worker']} was lost: {worker['reason'] or 'the reason is unknown'}."
            letter = _LETTERS[len(marks) % len(_LETTERS)]
            marks.append(Mark("client", letter, worker["after_s"], worker["after_s"] + 1, "worker lost", text))
    summary = history.summary
    for number, order in enumerate(orders_of(summary)[:MOST], 1):
        at_s, change = order["at_s"], change_of(order, summary)
        text = f"The load was changed at {clock(at_s)}: {change}."
        marks.append(Mark("order", str(number), at_s, at_s, change, text))
    return marks

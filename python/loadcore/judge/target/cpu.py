"""The target's CPU, where it can be seen: a thread that uses a whole core, or all the cores that it may use."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from loadcore.judge.target.named import named
from loadcore.judge.words import rate

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts, Process, Second

FULL = 0.9
"""Share of a core, or of the cores that may be used."""
LEAST_SECONDS = 3
SHORT = 0.03
"""An open model is held up if less than this was left undone, a full core or not."""
_ONE_AT_A_TIME = (
    *("python", "uvicorn", "gunicorn", "hypercorn", "granian", "daphne", "waitress", "flask"),
    *("ruby", "puma", "unicorn", "node"),
)
"""Programs of which one thread computes at a time, however many there are."""


def cpu(facts: Facts) -> list[Finding]:
    """The seconds in which the target had no CPU left, and what it answered in them."""
    full = [each for each in facts.seconds if each.process is not None and _is_full(each.process)]
    if len(full) < LEAST_SECONDS or (facts.is_open and facts.short < SHORT):
        return []
    answered = median(each.answered for each in full)
    most = f"it cannot do more than {rate(answered)}" if answered else "it answered almost nothing in that time"
    message = f"{_used(full)} for {len(full)} s: {most}"
    return [
        named(
            rule="server_cpu",
            message=message,
            advice=_advice([each.process for each in full if each.process is not None]),
            value=median(_ratio(each.process) for each in full if each.process),
            limit=FULL,
            seconds=(full[0].second, full[-1].second),
        )
    ]


def _is_full(process: Process) -> bool:
    if process.thread is not None and process.thread + process.thread_waited >= FULL:
        return True
    if process.cores is None:
        return False
    if process.busiest is not None and is_single(process.program) and process.busiest + process.thread_waited >= FULL:
        return True
    allowed = process.allowed
    return bool(process.throttled >= 1 - FULL or (allowed and process.cores >= FULL * allowed))


def is_single(program: str) -> bool:
    """Whether one thread of this program computes at a time."""
    return program.lower().startswith(_ONE_AT_A_TIME)


def _ratio(process: Process) -> float:
    """CPU used, of what it had."""
    return max(process.thread or 0.0, process.busiest or 0.0, (process.cores or 0.0) / (process.allowed or 1.0))


def _used(full: list[Second]) -> str:
    """What was used in these seconds, and by what."""
    seen = [each.process for each in full if each.process is not None]
    last = seen[-1]
    allowed = last.allowed or 1.0
    cores = median(each.cores or 0.0 for each in seen)
    name = _name(last)
    throttled = median(each.throttled for each in seen)
    if throttled >= 1 - FULL:
        quota = f"its control group's quota stopped it for {throttled:.0%} of the time"
        return f"the target{name} used {cores:.1f} cores and {quota}"
    busiest = median(max(each.thread or 0.0, each.busiest or 0.0) for each in seen)
    if last.busiest is None or (cores >= FULL * allowed and allowed > 1):
        return f"the target{name} used {cores:.1f} of {allowed:.3g} cores, {cores / allowed:.0%}"
    waited = median(each.thread_waited for each in seen)
    also = f" and waited for one {waited:.0%} of the time" if waited >= 0.02 else ""  # noqa: PLR2004 - worth a word
    which = "the target's process" if last.processes == 1 else "the busiest of the target's processes"
    share = min(1.0, busiest + waited)
    busy = f", {share:.0%} busy," if also else ""
    return f"{which}{name} used {busiest:.0%} of a core{also}{busy}"


def _name(process: Process) -> str:
    """What it is called and how many of it there are, as far as that is known, in brackets."""
    number = "1 process" if process.processes == 1 else f"{process.processes} processes" if process.processes else ""
    known = ", ".join(filter(None, (process.program, number)))
    return f" ({known})" if known else ""


def _advice(seen: list[Process]) -> str:
    process = seen[-1]
    if process.throttled >= 1 - FULL:
        return "raise the quota of its control group, or add instances"
    if median(each.thread_waited for each in seen) >= median(each.thread or 1.0 for each in seen):
        return "leave it cores: other programs on this machine, including loadcore, use them"
    if process.busiest is not None and is_single(process.program):
        return "start more worker processes, one per core, or make requests cheaper to compute"
    return "give it more cores or instances, or make requests cheaper to compute"

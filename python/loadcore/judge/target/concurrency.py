"""A limit of what the target does at once: the answered rate stays flat while more wait.

While it serves all that is in flight, a request takes as long as its work takes. Beyond the limit the rest waits, the
rate is the limit divided by that time, and the fastest requests take as long as the queue is. So the limit is the flat
rate times what a request took before there was a queue (Little's law).
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from loadcore.judge.target.named import named
from loadcore.judge.words import rate, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts, Second

LEAST_SECONDS = 3
LEAST_ANSWERS = 10
"""In each second that is looked at."""
BEHIND = 0.03
"""Share of what was due in a second that did not end: then the target falls behind."""
FLAT = 0.25
"""How far the rates of the middle half of the seconds may lie apart."""
QUEUED = 1.6
"""How much longer the fastest tenth takes with the queue than without."""
MORE = 1.4
"""How many times the limit is in flight."""


def concurrency(facts: Facts) -> list[Finding]:
    """How many requests the target serves at once, where it is asked for more."""
    busy = _behind(facts.seconds) if facts.is_open else _constant(facts.seconds)
    if len(busy) < LEAST_SECONDS:
        return []
    answered = sorted(each.answered for each in busy)
    flat = median(answered)
    quarter = len(answered) // 4
    if answered[-1 - quarter] - answered[quarter] > FLAT * flat:
        return []
    first, rest = _emptiest(busy), busy[len(busy) // 2 :]
    queued_ns = median(_fast_ns(each) for each in rest)
    if queued_ns < QUEUED * _fast_ns(first):
        return []
    alone_ns = _without_queue_ns(first, flat)
    limit = flat * alone_ns / 1e9
    in_flight = median(each.in_flight for each in rest)
    if in_flight < MORE * limit:
        return []
    at_once = f"at most ~{limit:.0f} {_requests(limit)} at once ({rate(flat)} x {span(alone_ns)})"
    if limit < 0.7:  # noqa: PLR2004 - less than one at a time is not a number of workers
        at_once = f"no more than {rate(flat)}, however many requests wait"
    asked = _asked(busy)
    return [
        named(
            rule="concurrency",
            message=f"{at_once}, while {in_flight:,.0f} were in flight{asked}",
            advice="raise the limit of its workers, threads or connection pool, make what a request waits for faster, "
            "or add instances",
            value=limit,
            seconds=(busy[0].second, busy[-1].second),
        )
    ]


def _behind(seconds: Sequence[Second]) -> list[Second]:
    """The longest row of seconds in which less ended than was due."""
    rows: list[list[Second]] = [[]]
    for each in seconds:
        if each.answered >= LEAST_ANSWERS and each.ended < (1 - BEHIND) * each.due:
            rows[-1].append(each)
        elif rows[-1]:
            rows.append([])
    return max(rows, key=len)


def _constant(seconds: Sequence[Second]) -> list[Second]:
    """The seconds of a closed model in which the rate was as high as it gets."""
    usable = [each for each in seconds if each.answered >= LEAST_ANSWERS]
    if not usable:
        return []
    highest = median(each.answered for each in usable[len(usable) // 2 :])
    return [each for each in usable if each.answered >= (1 - FLAT) * highest]


def _emptiest(seconds: Sequence[Second]) -> Second:
    """The second with the fastest requests: the one before the queue had grown."""
    return min(seconds, key=_fast_ns)


def _fast_ns(second: Second) -> float:
    return float(second.times.quantile_ns(0.1))


def _without_queue_ns(second: Second, flat: float) -> float:
    """What a request took while nobody waited.

    In a second in which the queue grows only the first requests met none: as many as are served at once, which is
    the number that the rate times their own mean comes to. Half of these are looked at, since the queue begins to grow
    with the first.
    """
    times = second.times
    counts = [times.count * step / 40 for step in range(1, 41)]
    for fewer, more in pairwise([0.0, *counts]):
        if flat * times.fastest_ns(more) / 1e9 < 2 * more:
            return times.fastest_ns(fewer or more)
    return times.mean_ns


def _requests(number: float) -> str:
    return "request" if round(number) == 1 else "requests"


def _asked(seconds: Sequence[Second]) -> str:
    due = sum(each.due for each in seconds)
    return f"; asked {rate(due / len(seconds))}" if due else ""

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

SLOWER = 2
"""How many times longer all requests take while the target is slow."""
FASTEST = 0.03
"""Share of the requests of a slow second whose times are taken for those that did not wait."""
WAITED = 1.3
"""How much longer than these the slowest tenth takes."""
CAUGHT_UP = 0.1
"""Share of what is due by which more ends in the second after."""
STOOD_NS = 100_000_000
"""A client that stood still for longer made the seconds slow itself."""


def concurrency(facts: Facts) -> list[Finding]:
    """How many requests the target serves at once, where it is asked for more."""
    if not facts.is_open:
        return _lasting(_constant(facts.seconds))
    return _lasting(max(_behind(facts.seconds), key=len, default=[])) or _for_a_while(facts)


def _lasting(busy: Sequence[Second]) -> list[Finding]:
    """A limit that was met in each of these seconds."""
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
    return [_finding(flat, alone_ns, f", while {in_flight:,.0f} were in flight{_asked(busy)}", busy)]


def _for_a_while(facts: Facts) -> list[Finding]:
    """A limit that is met only while the target is slow: it falls behind for a few seconds, and makes up for it.

    In the second of these seconds every request is slow, and those that took the longest have waited beside their work.
    """
    found = []
    for row in _behind(facts.seconds):
        following = [each for each in facts.seconds if each.second in {row[0].second - 1, row[-1].second + 1}]
        if len(row) < 2 or len(following) != 2 or max(each.client_stalled_ns for each in row) > STOOD_NS:  # noqa: PLR2004
            continue
        (before, after), full = following, row[1]
        least_ns = full.times.fastest_ns(FASTEST * full.times.count)
        is_slow = full.times.quantile_ns(FASTEST) >= SLOWER * before.times.quantile_ns(0.5)
        has_waited = full.times.quantile_ns(0.9) >= WAITED * least_ns
        if is_slow and has_waited and after.ended > (1 + CAUGHT_UP) * after.due:
            found.append((full, least_ns, row))
    if not found:
        return []
    full, least_ns, row = min(found, key=lambda entry: entry[0].answered * entry[1])
    return [_finding(full.answered, least_ns, f" while it was slow{_asked(row)}", row)]


def _finding(flat: float, alone_ns: float, circumstances: str, seconds: Sequence[Second]) -> Finding:
    limit = flat * alone_ns / 1e9
    at_once = f"at most ~{limit:.0f} {_requests(limit)} at once ({rate(flat)} x {span(alone_ns)})"
    if limit < 0.7:  # noqa: PLR2004 - less than one at a time is not a number of workers
        at_once = f"no more than {rate(flat)}, however many requests wait"
    return named(
        rule="concurrency",
        message=f"{at_once}{circumstances}",
        advice="raise the limit of its workers, threads or connection pool, speed up what requests wait for, "
        "or add instances",
        value=limit,
        seconds=(seconds[0].second, seconds[-1].second),
    )


def _behind(seconds: Sequence[Second]) -> list[list[Second]]:
    """Rows of seconds in which less ended than was due."""
    rows: list[list[Second]] = [[]]
    for each in seconds:
        if each.answered >= LEAST_ANSWERS and each.ended < (1 - BEHIND) * each.due:
            rows[-1].append(each)
        elif rows[-1]:
            rows.append([])
    return [row for row in rows if row]


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
    """What a request took while no other one waited.

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

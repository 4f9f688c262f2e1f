"""The sentence under each chart: what it shows, made from the same numbers."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING, Final

from loadcore.report import numbers
from loadcore.report.numbers import clock, count, duration, percent
from loadcore.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from loadcore.report.html.history import History
    from loadcore.results.open.timeline import Moment

NOTHING: Final = "Nothing was measured."
LATE_NS: Final = 1_000_000
"""Lag that can be felt: a busy machine wakes a thread some tenths of a millisecond late."""
_VARIED: Final = 1.3
"""How far the highest load must be above the lowest for a knee to show."""
_STEEP: Final = 2.0
"""How far response times must rise for it."""
_MORE: Final = 1.1
"""How far responses must rise with the load, not to be flat."""
_TOP: Final = 0.2
"""The share of moments that "at the highest load" means, and "at the lowest"."""
_LEAST_MOMENTS: Final = 5


def sentence(clause: str) -> str:
    """A clause as a sentence. One that begins with a name, `windows.arrow` or `GET /`, keeps it as it is."""
    first = clause.split(maxsplit=1)[0] if clause.strip() else ""
    begun = f"{clause[:1].upper()}{clause[1:]}" if first.rstrip(",:").isalpha() and first.islower() else clause
    return begun if begun.endswith((".", "?", "!")) else f"{begun}."


def knee(history: History) -> str:
    """How response times went with the load."""
    shown = [each for each in history.moments if each.response is not None and each.answered]
    if not shown:
        return NOTHING
    if len(shown) < _LEAST_MOMENTS:
        return f"Only {_moments(len(shown))} had responses: too few to show how response times follow the load."
    load = _users if _is_closed(history) else _asked
    by_load = sorted(shown, key=load)
    few = max(1, round(len(by_load) * _TOP))
    low, high = by_load[:few], by_load[-few:]
    lowest, highest = _load_words(history, low), _load_words(history, high)
    rates = _per_s(median(map(_rate_of, low))), _per_s(median(map(_rate_of, high)))
    if _median(load, high) < _VARIED * _median(load, low):
        return (
            f"The load was constant, {highest} ({rates[1]} answered): the points show how much response times vary "
            "at this load. A knee shows where the load rises in stages."
        )
    before, after = _p95(low), _p95(high)
    text = f"From {lowest} to {highest} the p95 went from {duration(before)} to {duration(after)}, "
    text += f"and responses from {rates[0]} to {rates[1]}"
    # Whether the load below the highest brought as many responses.
    below = [each for each in by_load if load(each) * _VARIED <= _median(load, high)][-few:]
    if below and _median(_rate_of, high) < _MORE * _median(_rate_of, below):
        return f"{text}: from {_load_words(history, below)} on, more load brought no more responses."
    return f"{text}." if after >= _STEEP * before else f"{text}: this range has no knee."


def rate_of_kinds(history: History) -> list[tuple[str, int]]:
    """How requests ended, the most frequent first."""
    counts: Counter[str] = Counter()
    for moment in history.moments:
        counts.update(moment.ended)
    return counts.most_common()


def rate(history: History) -> str:
    """How requests ended, and when most were answered."""
    kinds = rate_of_kinds(history)
    total = sum(number for _, number in kinds)
    if not total:
        return NOTHING
    shares = [
        f"{percent(number / total)} {'as expected' if kind == 'ok' else kind}"
        for kind, number in kinds[:_LEAST_MOMENTS]
    ]
    most = max(history.moments, key=_rate_of)
    text = f"{count(total)} requests ended: {listed(shares)}."
    text += f" The most were answered at {clock(most.from_s)}: {_per_s(_rate_of(most))}."
    behind = [each for name, each in history.crossings.items() if "answered" in name]
    if behind:
        text += f" From {clock(behind[0].stretches[0].from_s)} on fewer were answered than asked."
    return text


def response(history: History) -> str:
    """The steady phase's percentiles, and the slowest moment."""
    times = history.summary["all"]["response"]
    shown = [(each.response.p95_ns, each.from_s) for each in history.moments if each.response is not None]
    if times["p50_ns"] is None or not shown:
        return NOTHING
    worst, at_s = max(shown)
    told = ", ".join(f"{name} {duration(times[f'{name}_ns'])}" for name in ("p50", "p95", "p99"))
    return (
        f"From due to the last byte, over the steady phase: {told}. "
        f"The slowest moment was {clock(at_s)}, with a p95 of {duration(worst)}."
    )


def service(history: History) -> str:
    """What of the response times was waiting before the request was sent."""
    summary = history.summary["all"]
    sent, due = summary["service"]["p95_ns"], summary["response"]["p95_ns"]
    if sent is None or due is None:
        return NOTHING
    text = f"From sent to the last byte: p95 {duration(sent)}"
    waited = due - sent
    if waited < max(0.05 * due, 100_000):
        return f"{text}, as good as the response time: requests were sent when they were due."
    return f"{text}, {duration(waited)} less than the response time: the rest is waiting before a request was sent."


def heat(history: History) -> str:
    """Where most responses are."""
    histogram = history.timeline.response
    if not histogram.count:
        return NOTHING
    low, high, tail = (histogram.quantile(each) for each in (0.25, 0.75, 0.999))
    text = f"Half of the responses took {_between(low, high)}"
    text += f", one in a thousand more than {duration(tail)}." if histogram.count >= 1000 else "."  # noqa: PLR2004 - a thousand
    return f"{text} The stronger a cell's colour, the more responses took that long in that {history.span_words}."


def lag(history: History) -> str:
    """How late the client was, and whether that shaped the picture."""
    found = [each for each in history.moments if each.lag_p99_ns is not None]
    p99 = history.summary["client"]["lag_p99_ns"]
    if not found or p99 is None:
        return NOTHING
    worst = max(found, key=lambda each: each.lag_p99_ns or 0)
    text = f"Lag p99 {duration(p99)} over the run; at its worst {duration(worst.lag_p99_ns)}, at {clock(worst.from_s)}."
    if history.summary["client"]["verdict"] == "client_limited":
        return f"{text} That is part of the response times above: they are the client's as well as the target's."
    if (worst.lag_p99_ns or 0) < LATE_NS:
        return f"{text} Too little to be seen in the response times above."
    return f"{text} Response times above have what is drawn here in them."


def spectrum(history: History) -> str:
    """The tail in words."""
    histogram = history.timeline.response
    if not histogram.count:
        return NOTHING
    words = ((0.9, 10, "ten"), (0.99, 100, "a hundred"), (0.999, 1000, "a thousand"), (0.9999, 10_000, "ten thousand"))
    shown = [
        f"one in {name} took longer than {duration(histogram.quantile(quantile))}"
        for quantile, least, name in words
        if histogram.count >= least
    ]
    text = listed(shown) if shown else f"{_requests(histogram.count)} in the steady phase"
    return f"{text[0].upper()}{text[1:]}; the slowest of {count(histogram.count)} took {duration(histogram.max_ns)}."


def errors(history: History) -> str:
    """What failed most, from when to when."""
    kind = history.kinds[0]
    hit = [each for each in history.moments if each.ended[kind]]
    number = sum(each.ended[kind] for each in hit)
    total = sum(each.ended[other] for each in history.moments for other in history.kinds)
    worst = max(hit, key=lambda each: each.ended[kind] / each.seconds)
    return (
        f"{kind} is {percent(number / total)} of {count(total)} errors, from {clock(hit[0].from_s)} "
        f"to {clock(hit[-1].to_s)}; the most at {clock(worst.from_s)}, {_per_s(worst.ended[kind] / worst.seconds)}."
    )


def connections(history: History) -> str:
    """How many were opened, and how many requests each carried."""
    opened = sum(each.connections for each in history.moments)
    sent = history.summary["load"]["requests"]["sent_total"]
    if not opened:
        return "No connection was opened."
    most = max(history.moments, key=lambda each: each.connections / each.seconds)
    text = f"{count(opened)} connection{'s were' if opened > 1 else ' was'} opened for {_requests(sent)}"
    per_s = _per_s(most.connections / most.seconds)
    text += f" ({numbers.rate(sent / opened)} requests each), the most at {clock(most.from_s)}: {per_s}."
    slow = [each for each in history.moments if each.connect_p95_ns is not None]
    if slow:
        worst = max(slow, key=lambda each: each.connect_p95_ns or 0)
        text += f" Connecting took {duration(worst.connect_p95_ns)} at most (p95 of {clock(worst.from_s)})."
    return text


def client(history: History) -> str:
    """How busy the client was."""
    found = [each for each in history.moments if each.cpu is not None]
    if not found:
        return NOTHING
    most = max(found, key=lambda each: each.cpu or 0)
    text = f"The busiest engine thread used {percent(most.cpu)} of a core at most, at {clock(most.from_s)}"
    flights = [each.in_flight for each in history.moments if each.in_flight is not None]
    most_flights = (
        f"; at most {numbers.rate(max(flights))} requests were in flight, averaged over a moment" if flights else ""
    )
    return f"{text}{most_flights}."


def machine(history: History) -> str:
    """Who else used the machine."""
    parts = []
    for name, values in (
        ("other programs used", [each.foreign_cores for each in history.moments]),
        ("the target's processes used", [each.target_cores for each in history.moments]),
    ):
        known = [each for each in values if each is not None]
        if known:
            parts.append(f"{name} {max(known):.2g} cores at most")
    cores = history.summary["machine"].get("cores")
    text = listed(parts)
    return f"{text[0].upper()}{text[1:]}" + (f", of the {cores} this machine has." if cores else ".")


def _median(of: Callable[[Moment], float], moments: Iterable[Moment]) -> float:
    return median(map(of, moments))


def _is_closed(history: History) -> bool:
    return all(each["model"] == "closed" for each in history.summary["load"]["scenarios"])


def _rate_of(moment: Moment) -> float:
    return moment.answered / moment.seconds


def _asked(moment: Moment) -> float:
    return moment.asked / moment.seconds


def _p95(moments: Iterable[Moment]) -> float:
    return median(each.response.p95_ns for each in moments if each.response is not None)


def _load_words(history: History, moments: Sequence[Moment]) -> str:
    """The load of some moments: their users, or what they asked for."""
    if _is_closed(history):
        users = round(median(each.users for each in moments))
        return f"{count(users)} user{'' if users == 1 else 's'}"
    return _per_s(median(map(_asked, moments)))


def _users(moment: Moment) -> float:
    return float(moment.users)


def _between(low: float, high: float) -> str:
    return f"{duration(low)} to {duration(high)}" if duration(low) != duration(high) else f"about {duration(low)}"


def _per_s(value: float) -> str:
    return f"{numbers.rate(value)}/s"


def _moments(number: int) -> str:
    return f"{number} moment{'' if number == 1 else 's'}"


def _requests(number: int) -> str:
    return f"{count(number)} request{'' if number == 1 else 's'}"

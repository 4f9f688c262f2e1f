"""A comparison in words: the same ones on a terminal, in a comment and on a page."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING, NamedTuple

from loadcore.judge.comparing.change import LEAST_RUNS, Change, Metric, Word
from loadcore.report import numbers
from loadcore.report.glyphs import UNICODE, Glyphs
from loadcore.report.layout import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.comparison.differences import Differences

_WHOLE_PERCENT = 0.1
"""From here a share has no decimals."""


class Headline(NamedTuple):
    """What a comparison comes to: a word, how to paint it, and sentences."""

    word: str
    role: Role
    sentences: list[str]


def headline(comparison: Differences, glyphs: Glyphs = UNICODE) -> Headline:
    """The verdict and its reasons."""
    if not comparison.is_possible:
        sizes = len(comparison.before.runs), len(comparison.after.runs)
        made = "1 run on each side" if sizes == (1, 1) else f"{sizes[0]} and {sizes[1]} runs"
        empty = [letter for letter, size in zip("AB", sizes, strict=True) if not size]
        needed = f"no verdict possible with {made}: each side needs {LEAST_RUNS}"
        if empty:
            who = f"{empty[0]} has none" if len(empty) == 1 else "A and B have none"
            needed = f"no verdict possible: each side needs {LEAST_RUNS} runs, {who}"
        return Headline("NO VERDICT", Role.WARNING, [needed])
    found = {word: [each for each in comparison.judged if each.word is word] for word in Word}
    told = [reason(each, glyphs) for word in (Word.SLOWER, Word.FASTER) for each in found[word]]
    if comparison.word is Word.SLOWER:
        return Headline("SLOWER", Role.BAD, told)
    if comparison.word is Word.FASTER:
        return Headline("FASTER", Role.GOOD, [*told, *_open_ends(found[Word.NO_EVIDENCE])])
    return Headline("NO EVIDENCE", Role.QUIET, ["of a change that counts", *_open_ends(comparison.judged)])


def reason(change: Change, glyphs: Glyphs = UNICODE) -> str:
    """What changed, in a sentence: `response.p50 is 52% slower: 12.1ms → 18.4ms`."""
    before, after = (quantity(change.metric, each, glyphs) for each in change.medians)
    if not change.change:
        return f"{change.metric.name} is the same: {after}"
    if not change.metric.is_relative:
        verb = "rose" if change.change > 0 else "fell"
        return f"{change.metric.name} {verb} by {_size(change.metric, change.change)}: {before} {glyphs.arrow} {after}"
    direction = _direction(change)
    return f"{change.metric.name} is {_size(change.metric, change.change)} {direction}: {before} {glyphs.arrow} {after}"


def _direction(change: Change) -> str:
    if change.metric.unit == "ns" and change.metric.name != "client.cpu":
        return "slower" if change.change > 0 else "faster"
    return "higher" if change.change > 0 else "lower"


def _open_ends(changes: Sequence[Change]) -> list[str]:
    """How much worse a metric may still be, of those where that is more than what counts."""
    return [
        f"{each.metric.name} may still be up to {_worse(each)} worse"
        for each in changes
        if not each.is_conclusive and each.worst is not None
    ]


def _worse(change: Change) -> str:
    worst = change.worst or 0.0
    return _size(change.metric, change.metric.told(worst))


def power(comparison: Differences) -> list[str]:
    """What the comparison could have seen: a sentence for each metric that was tested."""
    sizes = f"{len(comparison.before.runs)} and {len(comparison.after.runs)} runs"
    told = []
    for each in comparison.judged:
        if each.detectable is None or isinf(each.detectable):
            continue
        told.append(f"{each.metric.name} above {_size(each.metric, max(each.detectable, each.metric.least))}")
    if not told:
        return []
    return [f"with {sizes} that scatter as these do, four of five comparisons find a change of {'; of '.join(told)}"]


def untested(comparison: Differences) -> list[str]:
    """The metrics that cannot have changed by what counts."""
    if not comparison.is_possible:
        return []
    still = [each.metric for each in comparison.judged if each.p is None and each.has_enough_runs]
    return [f"{each.name}: all runs lie within {_size(each, each.least)}" for each in still]


def unmeasured(comparison: Differences) -> list[str]:
    """The metrics that should decide, and that too few runs have a value of."""
    if not comparison.is_possible:
        return []
    few = [each for each in comparison.judged if not each.has_enough_runs]
    return [
        *(f"{each.metric.name}: only {len(each.before)} and {len(each.after)} runs have a value" for each in few),
        *(f"{each.name}: no run of one side has a value" for each in comparison.missing),
    ]


def amount(change: Change) -> str:
    """A change with its sign: `+52%`, `-3.1%`, of what is not relative `+1.2 points`."""
    return signed(change.metric, change.change)


def between(change: Change) -> str:
    """The interval of a change: `[+44% +60%]`; empty if it has none."""
    if change.low is None or change.high is None:
        return ""
    return f"[{signed(change.metric, change.low, unit=False)} {signed(change.metric, change.high, unit=False)}]"


def signed(metric: Metric, change: float, *, unit: bool = True) -> str:
    """A change as `+52%`, or as `+1.2 points`."""
    sign = "-" if change < 0 else "+"
    size = _size(metric, change, unit=unit)
    return size if float(size.rstrip("% points") or 0) == 0 else f"{sign}{size}"


def _size(metric: Metric, change: float, *, unit: bool = True) -> str:
    share = abs(change)
    digits = 0 if share >= _WHOLE_PERCENT else 1
    if metric.is_relative:
        return f"{100 * share:.{digits}f}%"
    return f"{100 * share:.{digits}f}{' points' if unit else ''}"


def quantity(metric: Metric, value: float, glyphs: Glyphs = UNICODE) -> str:
    """A value of a metric with its unit."""
    match metric.unit:
        case "ns":
            return numbers.duration(value, glyphs)
        case "ratio":
            return numbers.percent(value)
        case _:
            return f"{numbers.rate(value, glyphs)}/s"


def counts_from(metric: Metric) -> str:
    """From which change on the metric counts as changed."""
    return _size(metric, metric.least)


def chance(change: Change) -> str:
    """The p of a change, adjusted; empty for one that was not tested."""
    return "" if change.p is None else f"{change.p:.2g}" if change.p >= 0.001 else "<0.001"  # noqa: PLR2004

"""A metric of two sets of runs: how much it changed, in one of three words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import expm1, isinf, log, log1p
from statistics import median
from typing import TYPE_CHECKING, Final

from loadcore.judge.comparing.permutation import adjusted, p_value
from loadcore.judge.comparing.power import detectable
from loadcore.judge.comparing.shift import bounds, shift

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_RUNS: Final = 5
"""Fewer on a side, and no verdict is possible: with 4 and 4 the least p is 0.03, and several metrics are judged."""
LEVEL: Final = 0.05
CONFIDENCE: Final = 0.95
MOST_JUDGED: Final = 4


class Word(StrEnum):
    """What a comparison says."""

    SLOWER = "slower"
    NO_EVIDENCE = "no evidence"
    FASTER = "faster"


@dataclass(frozen=True, slots=True)
class Metric:
    """What is compared.

    Attributes:
        name: As in thresholds: `response.p50`.
        unit: `ns`, `ratio` or `per_s`.
        least: The smallest change that counts: a share of the value, or, of what is not relative, a difference.
        is_relative: Whether changes are shares of the value.
        more_is_better: Whether a larger value is the better one.
    """

    name: str
    unit: str
    least: float
    is_relative: bool = True
    more_is_better: bool = False

    def scaled(self, value: float) -> float:
        """The value on the scale on which changes add up."""
        return log(value) if self.is_relative else value

    def told(self, shift: float) -> float:
        """A shift on that scale as a change: 0.05 is 5 % more, or 0.05 more of what is not relative."""
        return expm1(shift) if self.is_relative and not isinf(shift) else shift

    @property
    def least_shift(self) -> float:
        """The smallest change that counts, on that scale."""
        return log1p(self.least) if self.is_relative else self.least


@dataclass(frozen=True, slots=True)
class Change:
    """A metric before and after.

    Attributes:
        metric: What is compared.
        before: A value for each run.
        after: A value for each run.
        change: By how much it differs: see `Metric.told`.
        low: Of the 95 % interval of the change; None where there are too few runs.
        high: Of the same.
        p: Of the permutation test, adjusted for the number of metrics; None for a metric that was not tested.
        detectable: The change that would have been found in four of five such comparisons; None as for `p`.
        word: What that comes to.
    """

    metric: Metric
    before: tuple[float, ...]
    after: tuple[float, ...]
    change: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    detectable: float | None = None
    word: Word = Word.NO_EVIDENCE

    @property
    def medians(self) -> tuple[float, float]:
        """The middle of either side."""
        return median(self.before), median(self.after)

    @property
    def has_enough_runs(self) -> bool:
        """Whether there are enough values for a test."""
        return min(len(self.before), len(self.after)) >= LEAST_RUNS

    @property
    def worst(self) -> float | None:
        """How much worse it may be, with 95 % confidence, as a shift; None where that is not known."""
        end = self.low if self.metric.more_is_better else self.high
        if end is None:
            return None
        scaled = log1p(end) if self.metric.is_relative else end
        return -scaled if self.metric.more_is_better else scaled

    @property
    def is_conclusive(self) -> bool:
        """Whether it is known to be faster, slower, or not worse by more than what counts."""
        if self.word is not Word.NO_EVIDENCE:
            return True
        return self.worst is not None and self.worst < self.metric.least_shift


Pair = tuple[Metric, "Sequence[float]", "Sequence[float]"]
"""A metric, and its values before and after, one for each run."""


def described(metric: Metric, before: Sequence[float], after: Sequence[float]) -> Change:
    """The change of a metric that is shown and not judged."""
    early, late = [*map(metric.scaled, before)], [*map(metric.scaled, after)]
    enough = min(len(before), len(after)) >= LEAST_RUNS
    ends = bounds(early, late, CONFIDENCE) if enough else None
    low, high = (None, None) if ends is None else map(metric.told, ends)
    return Change(metric, tuple(before), tuple(after), metric.told(shift(early, late)), low, high)


def judged(pairs: Sequence[Pair]) -> list[Change]:
    """The changes of metrics that decide, in their order.

    A metric whose runs, all of them together, lie closer than the smallest change that counts cannot have changed by
    it, whichever run has which label: it is not tested, and the others are adjusted for fewer metrics.
    """
    shown = [described(*pair) for pair in pairs]
    tested = [place for place, change in enumerate(shown) if _can_differ(change)]
    p_values = adjusted([p_value(*_scaled(shown[place])) for place in tested])
    for place, p in zip(tested, p_values, strict=True):
        shown[place] = _worded(shown[place], p, LEVEL / len(tested))
    return shown


def _can_differ(change: Change) -> bool:
    if not change.has_enough_runs:
        return False
    early, late = _scaled(change)
    return max(*early, *late) - min(*early, *late) >= change.metric.least_shift


def _scaled(change: Change) -> tuple[list[float], list[float]]:
    scaled = change.metric.scaled
    return [*map(scaled, change.before)], [*map(scaled, change.after)]


def _worded(change: Change, p: float, level: float) -> Change:
    metric = change.metric
    early, late = _scaled(change)
    moved = shift(early, late)
    word = Word.NO_EVIDENCE
    if p < LEVEL and abs(moved) >= metric.least_shift:
        word = Word.FASTER if (moved > 0) == metric.more_is_better else Word.SLOWER
    seen = detectable(early, late, level)
    return Change(
        metric, change.before, change.after, change.change, change.low, change.high, p, metric.told(seen), word
    )

"""When thresholds were crossed, and which of them broke the run: what the numbers of a whole run cannot say.

A threshold is judged over the whole run. Here it is looked at stretch by stretch. A crossing counts once it lasts for
`LEAST_S`, so that a single slow second does not; where none lasts as long, all that there are count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loadcore.judge import keeping_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEAST_S: Final = 3.0
"""How long a threshold must be crossed in a row for the run to have broken there."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some seconds in which a threshold was crossed without a break. `from_s` and `to_s` count from the run's start."""

    from_s: float
    to_s: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.to_s - self.from_s


@dataclass(frozen=True, slots=True)
class Crossing:
    """When a threshold was crossed.

    Attributes:
        expression: The threshold.
        stretches: In their order; those that last for `LEAST_S`, or all if none does.
        until_the_end: Whether it was still crossed when its last judged second ended.
        lasting: Whether one of them lasted for `LEAST_S`.
    """

    expression: str
    stretches: tuple[Stretch, ...]
    until_the_end: bool
    lasting: bool


def crossing(
    expression: str,
    spans: Sequence[tuple[float, float]],
    crossed: Sequence[bool | None],
    judged: Sequence[bool] | None = None,
) -> Crossing | None:
    """When a threshold was crossed; None if it never was.

    Args:
        expression: The threshold.
        spans: From where to where each stretch of the run goes, in seconds.
        crossed: Whether it was crossed in each; None where there was nothing to judge, which is not a break.
        judged: Whether each is of the steady phase; all are if not given. What was crossed before it counts only if it
            still was when that began.
    """
    found: list[Stretch] = []
    since: float | None = None
    end_s = 0.0
    for (from_s, to_s), is_crossed in zip(spans, crossed, strict=True):
        if is_crossed:
            since, end_s = from_s if since is None else since, to_s
        elif is_crossed is False and since is not None:
            found.append(Stretch(since, end_s))
            since = None
    if since is not None:
        found.append(Stretch(since, end_s))
    if judged is not None:
        steady = [span for span, is_judged in zip(spans, judged, strict=True) if is_judged]
        found = [each for each in found if any(each.from_s < to_s and from_s < each.to_s for from_s, to_s in steady)]
    if not found:
        return None
    long = [each for each in found if each.seconds >= LEAST_S]
    kept = long or found
    return Crossing(expression, tuple(kept), since is not None and kept[-1].to_s == end_s, bool(long))


def first_break(crossings: Mapping[str, Crossing], failed: Sequence[str]) -> Crossing | None:
    """The crossing by which the run broke: of the thresholds that it failed, the one that was crossed first."""
    lasting = [crossings[each] for each in failed if each in crossings and crossings[each].lasting]
    return min(lasting, key=lambda each: each.stretches[0].from_s, default=None)


def behind(
    spans: Sequence[tuple[float, float]], asked: Sequence[int], done: Sequence[int], quick_s: float
) -> list[bool]:
    """Whether a target was behind at the end of each stretch: `answered >= 99% of asked`, up to there.

    Args:
        spans: From where to where each stretch goes, in seconds.
        asked: Requests due in each.
        done: Requests that ended in each, with or without a response.
        quick_s: How long the target takes at its best.
    """
    found: list[bool] = []
    due = ended = 0
    for place in range(len(spans)):
        due += asked[place]
        ended += done[place]
        in_time = due - _just_asked(spans, asked, place, quick_s)
        found.append(in_time - ended > keeping_up.SPARE and ended < keeping_up.LEAST * in_time)
    return found


def _just_asked(spans: Sequence[tuple[float, float]], asked: Sequence[int], place: int, quick_s: float) -> float:
    """What was due in the last moments before the end of a stretch: it cannot have been answered yet."""
    count, left_s = 0.0, quick_s
    while place >= 0 and left_s > 0:
        from_s, to_s = spans[place]
        length_s = to_s - from_s
        count += asked[place] * (min(1.0, left_s / length_s) if length_s > 0 else 1.0)
        left_s -= length_s
        place -= 1
    return count

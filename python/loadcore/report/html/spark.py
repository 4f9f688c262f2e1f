"""Small curves within a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from loadcore.report import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.report.html.history import History
    from loadcore.results.sum.tally import StepKey

WIDTH: Final = 120
HEIGHT: Final = 24
_POINTS: Final = 60


class Spark(NamedTuple):
    """A curve in a box of `WIDTH` by `HEIGHT`.

    Attributes:
        lines: Points of each piece without a gap, as SVG writes them.
        label: What it shows, in words.
    """

    lines: Sequence[str]
    label: str


def spark_of(history: History, step: StepKey | None) -> Spark | None:
    """The p95 of a step, or of all, over time; None if it has none."""
    values = [
        (each.response.p95_ns if each.response else None) if step is None else each.steps.get(step)
        for each in history.moments
    ]
    known = [value for value in values if value is not None]
    if not known:
        return None
    each = -(-len(values) // _POINTS)
    # The slowest of some moments stands for them: a peak is what one looks for.
    thin = [_highest(values[place : place + each]) for place in range(0, len(values), each)]
    label = f"p95 from {numbers.duration(min(known))} to {numbers.duration(max(known))}"
    return Spark(_pieces(thin, max(known)), label)


def _highest(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _pieces(values: Sequence[int | None], highest: int) -> list[str]:
    pieces: list[list[str]] = [[]]
    step = WIDTH / max(len(values) - 1, 1)
    for place, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{place * step:.1f},{(HEIGHT - 2) * (1 - value / max(highest, 1)) + 1:.1f}")
    # A point alone is drawn as a short line.
    return [" ".join(piece if len(piece) > 1 else [*piece, _beside(piece[0])]) for piece in pieces if piece]


def _beside(point: str) -> str:
    x, y = point.split(",")
    return f"{min(float(x) + 2, WIDTH):.1f},{y}"

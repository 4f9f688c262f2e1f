"""What a chart shows, as data: the page draws it, and makes a table of the same numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import floor, log10
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Unit = Literal["us", "per_s", "count", "ratio", "cores"]
"""What values are in: microseconds, a rate per second, a number, a share of one, cores."""
Kind = Literal["lines", "stack", "scatter", "heat", "spectrum"]
Style = Literal["solid", "dashed", "dotted", "dashdot", "area", "bars"]
Value = float | int | None

_DIGITS = 4
"""Significant digits of what is drawn: more cannot be seen, and would make the page heavier."""


@dataclass(frozen=True)
class Series:
    """One line, area or row of bars.

    Attributes:
        label: Its name in the legend and in the table.
        values: One for each moment; None where there is none.
        colour: Which of the page's colours, from 1.
        style: How it is drawn, so that it is known without its colour.
        unit: What its values are in.
        right: Whether it has the axis at the right.
    """

    label: str
    values: Sequence[Value]
    colour: int
    style: Style
    unit: Unit
    right: bool = False

    def to_json(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {**vars(self), "values": [shortened(value) for value in self.values]}


@dataclass(frozen=True)
class Chart:
    """A chart with the sentence that says the same.

    Attributes:
        key: Its name in the page.
        title: What it shows.
        sentence: What a reader can see in it, made from the same numbers.
        kind: How it is drawn.
        series: What is drawn. Of a `stack` those with the style `area` lie on each other.
        y_title: What the left axis counts.
        right_title: What the right axis counts.
        log: Whether the left axis is logarithmic.
        extra: What only this kind has.
        wide: Whether it takes the whole width.
    """

    key: str
    title: str
    sentence: str
    kind: Kind
    series: Sequence[Series] = ()
    y_title: str = ""
    right_title: str = ""
    log: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
    wide: bool = False

    def to_json(self) -> dict[str, Any]:
        """The same as JSON types. The page has its sentence already."""
        known = {name: value for name, value in vars(self).items() if name not in {"sentence", "wide"}}
        return {**known, "series": [each.to_json() for each in self.series]}


@dataclass(frozen=True)
class Mark:
    """Seconds that matter, painted on every chart over time.

    Attributes:
        kind: `broke`, `order` where the load was changed, or whom a finding is about: `client`, `target`, `other`.
        label: A letter, by which the list beside the charts names it.
        from_s: Where it begins, in seconds since the run's start.
        to_s: Where it ends.
        title: What happened, in a few words.
        text: The same in a sentence.
    """

    kind: str
    label: str
    from_s: float
    to_s: float
    title: str
    text: str

    def to_json(self) -> dict[str, Any]:
        """The same as JSON types. The page has its sentence already."""
        return {name: value for name, value in vars(self).items() if name != "text"}


@lru_cache(32_768)  # A page that is kept up to date shows the same values again each second.
def shortened(value: Value) -> Value:
    """The value in as many digits as can be seen."""
    if value is None:
        return None
    if isinstance(value, int) or value == int(value):
        return int(value)
    short = round(value, _DIGITS - 1 - floor(log10(abs(value))))
    return int(short) if short == int(short) else short


def us(values: Iterable[int | None]) -> list[Value]:
    """Nanoseconds in microseconds."""
    return [None if value is None else round(value / 1_000) for value in values]

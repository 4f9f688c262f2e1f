"""Durations that occurred, and how often, as the rules ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Times:
    """Durations in nanoseconds, ascending, each with its count."""

    counted: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, *durations_ns: float) -> Times:
        """Of single durations."""
        return cls(tuple((round(each), 1) for each in sorted(durations_ns)))

    @cached_property
    def count(self) -> int:
        """How many."""
        return sum(count for _, count in self.counted)

    @cached_property
    def mean_ns(self) -> float:
        """Their mean; 0 if there are none."""
        return sum(ns * count for ns, count in self.counted) / self.count if self.count else 0.0

    def quantile_ns(self, quantile: float) -> int:
        """What the share `quantile` of them does not exceed; 0 if there are none."""
        wanted, seen = quantile * self.count, 0
        for ns, count in self.counted:
            seen += count
            if seen >= wanted:
                return ns
        return 0

    def from_ns(self, least_ns: float) -> Times:
        """Those that took at least this long."""
        return Times(tuple(entry for entry in self.counted if entry[0] >= least_ns))

    def fastest_ns(self, number: float) -> float:
        """The mean of the `number` shortest; 0 if there are none."""
        left, total = min(number, self.count), 0.0
        taken = left
        for ns, count in self.counted:
            part = min(count, left)
            total += ns * part
            left -= part
            if left <= 0:
                break
        return total / taken if taken else 0.0


def thinned(counted: Iterable[tuple[int, int]], most: int = 64) -> tuple[tuple[int, int], ...]:
    """The same durations in at most about `most` entries, to bound the memory of a second."""
    entries = list(counted)
    if len(entries) <= most:
        return tuple(entries)
    each = sum(count for _, count in entries) / most
    merged: list[tuple[int, int]] = []
    gathered, weight = 0, 0.0
    for ns, count in entries:
        gathered += count
        weight += ns * count
        if gathered >= each:
            merged.append((round(weight / gathered), gathered))
            gathered, weight = 0, 0.0
    if gathered:
        merged.append((round(weight / gathered), gathered))
    return tuple(merged)

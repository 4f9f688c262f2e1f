"""How long a target takes while it keeps up: at its best, and in slow phases that passed."""

from __future__ import annotations

from typing import Final

from loadcore.engine import Histogram

ENOUGH: Final = 5
"""Answers that a percentile is taken of at least; seconds with less are put together. Few, since a target that answers
few requests a second has a queue by the time that there are many."""

PASSED: Final = 0.5
"""A stretch whose median is this share of an earlier one's, or less, shows that the earlier was not a growing queue."""


class Quickest:
    """How long a target takes while it keeps up, from stretches of a run, each a second or as long as it takes.

    That is the least of their 99th percentiles, or the highest median from which the target recovered: one that is slow
    for two seconds of each five has more under way in these than its best seconds show, and has no backlog.
    """

    def __init__(self) -> None:
        self._open = Histogram()
        self._least_ns: float | None = None
        self._highest_ns = 0.0
        self._passed_ns = 0.0

    def add(self, responses: Histogram) -> None:
        """Add a second of one worker."""
        self._open.add(responses)
        if self._open.count >= ENOUGH:
            slow_ns = float(self._open.quantile(0.99))
            self._least_ns = slow_ns if self._least_ns is None else min(slow_ns, self._least_ns)
            median_ns = float(self._open.quantile(0.5))
            self._highest_ns = max(median_ns, self._highest_ns)
            if median_ns <= PASSED * self._highest_ns:
                self._passed_ns = self._highest_ns
            self._open = Histogram()

    @property
    def quick_ns(self) -> float | None:
        """The time; of fewer answers than it takes, their median; None without any."""
        if self._least_ns is not None:
            return max(self._least_ns, self._passed_ns)
        return float(self._open.quantile(0.5)) if self._open.count else None

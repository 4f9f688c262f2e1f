"""How quickly a target answers when it is at its best."""

from __future__ import annotations

from typing import Final

from loadcore.engine import Histogram

ENOUGH: Final = 5
"""Answers that a percentile is taken of at least; seconds with less are put together. Few, since a target that answers
few requests a second has a queue by the time that there are many."""


class Quickest:
    """The least 99th percentile of response times over stretches of a run, each a second or as long as it takes."""

    def __init__(self) -> None:
        self._open = Histogram()
        self._least_ns: float | None = None

    def add(self, responses: Histogram) -> None:
        """Add a second of one worker."""
        self._open.add(responses)
        if self._open.count >= ENOUGH:
            slow_ns = float(self._open.quantile(0.99))
            self._least_ns = slow_ns if self._least_ns is None else min(slow_ns, self._least_ns)
            self._open = Histogram()

    @property
    def quick_ns(self) -> float | None:
        """The percentile; of fewer answers than it takes, their median; None without any."""
        if self._least_ns is not None:
            return self._least_ns
        return float(self._open.quantile(0.5)) if self._open.count else None

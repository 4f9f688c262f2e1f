"""The median response time of each second, from windows as they come."""

from __future__ import annotations

from typing import Final

from loadcore.engine import Histogram

_LATE_S: Final = 30
"""Windows that come later than this after those of other workers are left out."""


class Medians:
    """One number a second; only the histograms of the newest seconds are kept."""

    def __init__(self) -> None:
        self._open: dict[int, Histogram] = {}
        self._medians: dict[int, int] = {}
        self._newest = 0

    def add(self, second: int, encoded: bytes | None) -> None:
        """Add a histogram of response times."""
        if encoded is None or second < self._newest - _LATE_S:
            return
        self._newest = max(self._newest, second)
        self._open.setdefault(second, Histogram()).add_encoded(encoded)
        for old in [each for each in self._open if each < self._newest - _LATE_S]:
            self._close(old)

    def between(self, first: int, end: int) -> list[int]:
        """The medians in nanoseconds of the seconds from the first up to the end, where something ended in them."""
        for second in list(self._open):
            self._close(second)
        return [self._medians[second] for second in range(first, end) if second in self._medians]

    def _close(self, second: int) -> None:
        histogram = self._open.pop(second)
        if histogram.count:
            self._medians[second] = histogram.quantile(0.5)

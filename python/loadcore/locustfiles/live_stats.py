"""`environment.stats`: Locust's own statistics, fed in batches, up to date whenever they are read."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, NamedTuple

from locust import stats as locust_stats
from locust.stats import RequestStats

from loadcore.engine import Tally
from loadcore.locustfiles.live_entry import LiveEntries, LiveEntry

_BUCKET = locust_stats.bucket_response_time
_WHOLE_BELOW_MS = 100


class _Counted(NamedTuple):
    """What was in a tally."""

    timed: int
    untimed: int
    size: int
    total_ms: float
    shortest_ms: float
    longest_ms: float
    whole: dict[int, int]
    """How many times there were of each whole number of milliseconds."""
    others: list[float]
    """Those that are longer."""


class LiveStats(RequestStats):
    """In place of Locust's `RequestStats`.

    Feeding those takes 9 µs a request. Here a request is a number in a tally, and tallies are counted when one has
    enough or when someone looks.
    """

    def __init__(self, use_response_times_cache: bool = True) -> None:
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._filled: list[tuple[str, str]] = []
        super().__init__(use_response_times_cache)

    def tally(self, method: str, name: str) -> Tally:
        """Where requests of a name and method are counted first. It is the same for good."""
        key = name, method
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(key, self._filled)
        return tally

    def note(self, method: str, name: str, time_ms: float | None, size: int, error: Any) -> None:
        """Take a request of a client."""
        if self.tally(method, name).add(time_ms, size):
            self.count()
        if error:
            self.count()
            super().log_error(method, name, error)

    def count(self) -> None:
        """Count what is in the tallies."""
        if not self._filled:
            return
        now = time.time()
        bucket: Any = locust_stats.bucket_response_time
        # A file may have buckets of its own. Locust's are whole milliseconds as long as there are not many.
        whole_below_ms = _WHOLE_BELOW_MS if bucket is _BUCKET else 0
        for key in self._taken():
            counted = _Counted._make(self._tallies[key].take(whole_below_ms))
            buckets = Counter(counted.whole)
            buckets.update(map(bucket, counted.others))
            for entry in (self._entries[key], self._total):
                _add(entry, counted, buckets, now)

    def _taken(self) -> list[tuple[str, str]]:
        """The tallies that have something. What is counted asks for them, too."""
        filled = self._filled.copy()
        self._filled.clear()
        return filled

    def _forget(self) -> None:
        for key in self._taken():
            self._tallies[key].take(0)

    @property
    def entries(self) -> Any:
        """The statistics by name and method."""
        self.count()
        return self._entries

    @entries.setter
    def entries(self, entries: Any) -> None:
        self._forget()
        self._entries = LiveEntries(self)
        self._entries.update(entries)

    @property
    def total(self) -> Any:
        """The statistics of all requests together."""
        self.count()
        return self._total

    @total.setter
    def total(self, total: Any) -> None:
        self._forget()
        total.__class__ = LiveEntry
        self._total = total


def _add(entry: Any, counted: _Counted, buckets: Counter[Any], now: float) -> None:
    """Add requests to an entry, as its own `log` does for each."""
    second = int(now)
    if entry.use_response_times_cache and entry.last_request_timestamp and second > int(entry.last_request_timestamp):
        entry._cache_response_times(second - 1)
    count = counted.timed + counted.untimed
    entry.num_requests += count
    entry.num_reqs_per_sec[second] += count
    entry.last_request_timestamp = now
    entry.total_content_length += counted.size
    entry.num_none_requests += counted.untimed
    if not counted.timed:
        return
    entry.total_response_time += counted.total_ms
    before = entry.min_response_time
    entry.min_response_time = counted.shortest_ms if before is None else min(before, counted.shortest_ms)
    entry.max_response_time = max(entry.max_response_time, counted.longest_ms)
    for rounded, number in buckets.items():
        entry.response_times[rounded] += number

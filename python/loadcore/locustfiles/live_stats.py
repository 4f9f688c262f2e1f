"""`environment.stats`: Locust's own statistics, fed in batches, up to date whenever they are read."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import Any

from locust import stats as locust_stats
from locust.stats import RequestStats

from loadcore.locustfiles.live_entry import LiveEntries, LiveEntry

_MOST_PENDING = 2_048
_BUCKET = locust_stats.bucket_response_time
_WHOLE_BELOW_MS = 100


class _Pending:
    """Requests of one name and method that are still to be counted."""

    __slots__ = ("size", "times", "untimed")

    def __init__(self) -> None:
        self.times: list[float] = []
        self.untimed = 0
        self.size = 0


class LiveStats(RequestStats):
    """In place of Locust's `RequestStats`.

    Feeding those takes 9 µs a request. Here a request is a number in a list, and lists are counted when there are
    enough or when someone looks.
    """

    def __init__(self, use_response_times_cache: bool = True) -> None:
        self._pending: defaultdict[tuple[str, str], _Pending] = defaultdict(_Pending)
        super().__init__(use_response_times_cache)

    def note_success(self, method: str, name: str, time_ms: float, size: int) -> None:
        """Take a request of a client that went well."""
        pending = self._pending[name, method]
        times = pending.times
        times.append(time_ms)
        pending.size += size
        if len(times) >= _MOST_PENDING:
            self.count()

    def note(self, method: str, name: str, time_ms: float | None, size: int, error: Any) -> None:
        """Take a request of a client."""
        if time_ms is None:
            pending = self._pending[name, method]
            pending.untimed += 1
            pending.size += size
        else:
            self.note_success(method, name, time_ms, size)
        if error:
            self.count()
            super().log_error(method, name, error)

    def count(self) -> None:
        """Count what is pending."""
        if not self._pending:
            return
        pending, self._pending = self._pending, defaultdict(_Pending)
        now = time.time()
        for key, requests in pending.items():
            buckets = _buckets(requests.times)
            for entry in (self._entries[key], self._total):
                _add(entry, requests, buckets, now)

    @property
    def entries(self) -> Any:
        """The statistics by name and method."""
        self.count()
        return self._entries

    @entries.setter
    def entries(self, entries: Any) -> None:
        self._pending.clear()
        self._entries = LiveEntries(self)
        self._entries.update(entries)

    @property
    def total(self) -> Any:
        """The statistics of all requests together."""
        self.count()
        return self._total

    @total.setter
    def total(self, total: Any) -> None:
        self._pending.clear()
        total.__class__ = LiveEntry
        self._total = total


def _buckets(times: list[float]) -> Counter[Any]:
    """How many times fall into each bucket of Locust's."""
    bucket: Any = locust_stats.bucket_response_time
    # A file may have buckets of its own. Locust's are whole milliseconds as long as there are not many.
    if bucket is _BUCKET and times and max(times) < _WHOLE_BELOW_MS:
        bucket = round
    return Counter(map(bucket, times))


def _add(entry: Any, requests: _Pending, buckets: Counter[Any], now: float) -> None:
    """Add requests to an entry, as its own `log` does for each."""
    second = int(now)
    if entry.use_response_times_cache and entry.last_request_timestamp and second > int(entry.last_request_timestamp):
        entry._cache_response_times(second - 1)
    times = requests.times
    count = len(times) + requests.untimed
    entry.num_requests += count
    entry.num_reqs_per_sec[second] += count
    entry.last_request_timestamp = now
    entry.total_content_length += requests.size
    entry.num_none_requests += requests.untimed
    if not times:
        return
    entry.total_response_time += sum(times)
    shortest, longest = min(times), max(times)
    before = entry.min_response_time
    entry.min_response_time = shortest if before is None else min(before, shortest)
    entry.max_response_time = max(entry.max_response_time, longest)
    for rounded, number in buckets.items():
        entry.response_times[rounded] += number

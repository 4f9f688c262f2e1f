"""`environment.stats`: Locust's own statistics, fed in batches, up to date whenever they are read."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import Any

from locust import stats as locust_stats
from locust.stats import RequestStats

_MOST_PENDING = 2_048
_BUCKET = locust_stats.bucket_response_time
_WHOLE_BELOW_MS = 100


class LiveStats(RequestStats):
    """In place of Locust's `RequestStats`.

    Feeding those takes 9 µs a request. Here a request is one entry of a list, and lists are counted when there are
    enough or when someone looks.
    """

    def __init__(self, use_response_times_cache: bool = True) -> None:
        self._pending: list[tuple[str, str, float | None, int]] = []
        super().__init__(use_response_times_cache)

    def note_success(self, method: str, name: str, time_ms: float, size: int) -> None:
        """Take a request of a client that went well."""
        pending = self._pending
        pending.append((name, method, time_ms, size))
        if len(pending) >= _MOST_PENDING:
            self.count()

    def note(self, method: str, name: str, time_ms: float | None, size: int, error: Any) -> None:
        """Take a request of a client."""
        pending = self._pending
        pending.append((name, method, time_ms, size))
        if error or len(pending) >= _MOST_PENDING:
            self.count()
        if error:
            super().log_error(method, name, error)

    def count(self) -> None:
        """Count what is pending."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        now = time.time()
        groups: defaultdict[tuple[str, str], list[tuple[str, str, float | None, int]]] = defaultdict(list)
        for request in pending:
            groups[request[0], request[1]].append(request)
        for key, requests in groups.items():
            _add(self._entries[key], requests, now)
        _add(self._total, pending, now)

    @property
    def entries(self) -> Any:
        """The statistics by name and method."""
        self.count()
        return self._entries

    @entries.setter
    def entries(self, entries: Any) -> None:
        self._pending.clear()
        self._entries = entries

    @property
    def total(self) -> Any:
        """The statistics of all requests together."""
        self.count()
        return self._total

    @total.setter
    def total(self, total: Any) -> None:
        self._pending.clear()
        self._total = total


def _add(entry: Any, requests: list[tuple[str, str, float | None, int]], now: float) -> None:
    """Add requests to an entry, as its own `log` does for each."""
    second = int(now)
    if entry.use_response_times_cache and entry.last_request_timestamp and second > int(entry.last_request_timestamp):
        entry._cache_response_times(second - 1)
    entry.num_requests += len(requests)
    entry.num_reqs_per_sec[second] += len(requests)
    entry.last_request_timestamp = now
    entry.total_content_length += sum(size for *_, size in requests)
    times = [time_ms for _, _, time_ms, _ in requests if time_ms is not None]
    entry.num_none_requests += len(requests) - len(times)
    if not times:
        return
    entry.total_response_time += sum(times)
    shortest, longest = min(times), max(times)
    before = entry.min_response_time
    entry.min_response_time = shortest if before is None else min(before, shortest)
    entry.max_response_time = max(entry.max_response_time, longest)
    # A file may have buckets of its own. Locust's are whole milliseconds as long as there are not many.
    bucket: Any = locust_stats.bucket_response_time
    if bucket is _BUCKET and longest < _WHOLE_BELOW_MS:
        bucket = round
    for rounded, count in Counter(map(bucket, times)).items():
        entry.response_times[rounded] += count

"""Truth counters: what the gateway received and answered, exact whatever happens to a worker.

Each worker writes a block of its own (one writer per word, no lock), and anyone sums the blocks. A worker that takes
the place of a dead one continues counting in the same block, so nothing is lost and nothing counted twice.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from loadcore_target.shared.pages import Page

MAX_WORKERS = 64
MAX_ROUTES = 64
STATUSES = (
    0, 200, 201, 202, 204, 206, 301, 302, 304, 400, 401, 403, 404, 405, 406, 408, 409, 411, 412, 413, 415, 416, 421,
    422, 425, 429, 431, 499, 500, 501, 502, 503, 504, 101,
)  # fmt: skip
"""Status codes with a column of their own; 0 means that no response was begun (the client went away)."""
OTHER_STATUS = "other"
FAULTS = (
    "latency", "error", "capacity_wait", "capacity_refused", "stall", "cpu", "leak", "keepalive", "close", "reset",
    "hang", "truncate", "surplus", "trickle",
)  # fmt: skip
"""Injected faults with a counter of their own."""

_COLUMN = {status: column for column, status in enumerate(STATUSES)}
_COLUMNS = len(STATUSES) + 1
_FAULT = {kind: index for index, kind in enumerate(FAULTS)}
_SECONDS = 4096

_RECEIVED = 0
_ANSWERED = _RECEIVED + MAX_ROUTES
_FAULTED = _ANSWERED + MAX_ROUTES * _COLUMNS
_RING = _FAULTED + 32
_BLOCK_WORDS = (_RING + 2 * _SECONDS + 511) // 512 * 512


class TruthBlock:
    """The counters of one worker; only that worker writes them."""

    def __init__(self, page: Page, worker: int) -> None:
        self._words = page.words
        self._base = worker * _BLOCK_WORDS

    def received(self, route: int) -> None:
        """One request arrived for a route; counted before anything else is done with it."""
        words = self._words
        base = self._base
        words[base + route] += 1
        second = int(time.time())
        cell = base + _RING + (second % _SECONDS) * 2
        if words[cell] != second:
            words[cell + 1] = 0
            words[cell] = second
        words[cell + 1] += 1

    def answered(self, route: int, status: int) -> None:
        """A request of a route has ended, with a status or (0) without one."""
        column = _COLUMN.get(status, _COLUMNS - 1)
        self._words[self._base + _ANSWERED + route * _COLUMNS + column] += 1

    def faulted(self, kind: str) -> None:
        """One fault of a kind was injected."""
        self._words[self._base + _FAULTED + _FAULT[kind]] += 1


class TruthBook:
    """All workers' counters, summed on reading.

    Args:
        path: File shared by the workers, or `None` for a gateway in a single process.
        labels: Route labels in the order of their indices; the same in every worker of one gateway.
    """

    def __init__(self, path: Path | None, labels: Sequence[str]) -> None:
        if len(labels) > MAX_ROUTES:
            raise ValueError(f"more than {MAX_ROUTES} routes")
        self._page = Page(path, MAX_WORKERS * _BLOCK_WORDS * 8)
        self._labels = tuple(labels)

    def block(self, worker: int) -> TruthBlock:
        """The block that worker number `worker` writes."""
        return TruthBlock(self._page, worker)

    def _sum(self, offset: int) -> int:
        words = self._page.words
        return sum(words[worker * _BLOCK_WORDS + offset] for worker in range(MAX_WORKERS))

    def received(self) -> dict[str, int]:
        """Requests received per route label, those never asked for included."""
        return {label: self._sum(_RECEIVED + index) for index, label in enumerate(self._labels)}

    def received_by_worker(self) -> dict[str, dict[int, int]]:
        """Per route label, how many requests each worker received; workers without any are left out."""
        words = self._page.words
        rows: dict[str, dict[int, int]] = {}
        for index, label in enumerate(self._labels):
            counts = ((worker, words[worker * _BLOCK_WORDS + index]) for worker in range(MAX_WORKERS))
            rows[label] = {worker: count for worker, count in counts if count}
        return rows

    def answered(self) -> dict[str, dict[str, int]]:
        """Ended requests per route label and status; `none` is the status of a request without a response."""
        table: dict[str, dict[str, int]] = {}
        names = ["none" if status == 0 else str(status) for status in STATUSES] + [OTHER_STATUS]
        for index, label in enumerate(self._labels):
            row = {name: self._sum(_ANSWERED + index * _COLUMNS + column) for column, name in enumerate(names)}
            table[label] = {name: count for name, count in row.items() if count}
        return table

    def faults(self) -> dict[str, int]:
        """Injected faults per kind."""
        return {kind: self._sum(_FAULTED + index) for index, kind in enumerate(FAULTS)}

    def seconds(self) -> dict[int, int]:
        """Requests received per second of the wall clock (probes included), for the last 4,096 seconds."""
        words = self._page.words
        totals: dict[int, int] = {}
        for worker in range(MAX_WORKERS):
            ring = worker * _BLOCK_WORDS + _RING
            for cell in range(ring, ring + 2 * _SECONDS, 2):
                if words[cell]:
                    totals[words[cell]] = totals.get(words[cell], 0) + words[cell + 1]
        return dict(sorted(totals.items()))

    def close(self) -> None:
        """Unmaps the counters."""
        self._page.close()

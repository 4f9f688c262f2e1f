"""The request-id log: which request a worker received, what it answered, and which fault it injected.

A ring of fixed rows per worker in shared memory. A row is written when the request arrives and completed when it ends,
so that a request which a killed worker had in hand is in the log, without a status.
"""

import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadcore_target.shared.pages import Page
from loadcore_target.shared.truth import FAULTS, MAX_WORKERS

_ROW = struct.Struct("<dfHHBB46s")
_END = struct.Struct("<fHHBB")
_END_AT = 8
_NO_FAULT = 255
_FAULT = {kind: index for index, kind in enumerate(FAULTS)}


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One row.

    Args:
        received_at: Unix seconds.
        request_id: The first 46 bytes of its id.
        route: Route label.
        worker: Number of the worker.
        status: Status of the response; `None` while it is served, or when its worker was killed; 0 when there was no
            response.
        duration_s: Seconds from arrival to end, `None` before that.
        fault: The last injected fault, if any.
    """

    received_at: float
    request_id: str
    route: str
    worker: int
    status: int | None
    duration_s: float | None
    fault: str | None


class RequestLog:
    """The rings of all workers.

    Args:
        path: File shared by the workers, or `None` for private memory.
        rows: Rows of one ring; 0 for no log.
        labels: Route labels in the order of their indices.
    """

    def __init__(self, path: Path | None, rows: int, labels: Sequence[str]) -> None:
        self._rows = rows
        self._labels = labels
        self._page = Page(path, max(8, MAX_WORKERS * rows * _ROW.size))

    def writer(self, worker: int) -> "RequestLogWriter":
        """The ring that worker number `worker` writes."""
        return RequestLogWriter(self._page, worker, self._rows)

    def read(self) -> Iterator[LoggedRequest]:
        """All rows that are still there, worker by worker, in no particular order."""
        size = self._rows * _ROW.size
        for worker in range(MAX_WORKERS):
            ring = self._page.bytes[worker * size : (worker + 1) * size]
            if not any(ring[: _ROW.size]):
                continue  # the first row is empty, so this worker has never received anything
            for row in _ROW.iter_unpack(ring):
                if row[0]:
                    yield self._row(worker, row)

    def _row(self, worker: int, row: tuple[float, float, int, int, int, int, bytes]) -> LoggedRequest:
        received_at, duration, route, status, fault, ended, request_id = row
        return LoggedRequest(
            received_at,
            request_id.rstrip(b"\0").decode("latin-1"),
            self._labels[route],
            worker,
            status if ended else None,
            duration if ended else None,
            None if fault == _NO_FAULT else FAULTS[fault],
        )

    def close(self) -> None:
        """Unmaps the rings."""
        self._page.close()


class RequestLogWriter:
    """The ring of one worker."""

    def __init__(self, page: Page, worker: int, rows: int) -> None:
        self._bytes = page.bytes
        self._start = worker * rows * _ROW.size
        self._rows = rows
        self._next = self._first_free()

    def _first_free(self) -> int:
        """A successor of a dead worker continues after the newest row instead of writing over the oldest."""
        newest, at = 0.0, 0
        for index in range(self._rows):
            offset = self._start + index * _ROW.size
            received_at = _ROW.unpack_from(self._bytes, offset)[0]
            if not received_at:
                return index
            if received_at >= newest:
                newest, at = received_at, index + 1
        return at

    def received(self, request_id: bytes, route: int) -> int:
        """Writes a row; returns where, for `ended`."""
        if not self._rows:
            return -1
        offset = self._start + self._next % self._rows * _ROW.size
        self._next += 1
        _ROW.pack_into(self._bytes, offset, time.time(), 0.0, route, 0, _NO_FAULT, 0, request_id)
        return offset

    def ended(self, offset: int, route: int, status: int, fault: str, duration_s: float) -> None:
        """Completes a row."""
        if offset >= 0:
            kind = _FAULT[fault] if fault else _NO_FAULT
            _END.pack_into(self._bytes, offset + _END_AT, duration_s, route, status, kind, 1)

"""What code of the user's prints in a worker: lines on their way to the supervisor's standard error."""

from __future__ import annotations

import _thread
import io
import time
from collections import deque
from typing import TYPE_CHECKING

from loadcore.processes import messages

if TYPE_CHECKING:
    from loadcore.processes.reports import Reports

LINES_PER_S = 200
"""Further ones are counted only: a line for each request would take the machine from the load."""

_GATHER_S = 0.05
_LONGEST = 2_000
_KEPT = 100


class UserOutput(io.TextIOBase):
    """Stands for `sys.stdout` and `sys.stderr`. Any thread may write.

    Args:
        reports: The way to the supervisor.
        worker: The worker's number.
    """

    def __init__(self, reports: Reports, worker: int) -> None:
        self._reports = reports
        self._worker = worker
        self._lock = _thread.allocate_lock()
        self._rest = ""
        self._waiting: list[str] = []
        self._kept: deque[str] = deque(maxlen=_KEPT)
        self._second, self._count, self._left_out = 0, 0, 0
        self._sent = 0.0

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As every text stream has one."""
        return "utf-8"

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Take a string; whole lines leave within a moment."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._take(line[:_LONGEST])
            if len(self._rest) > _LONGEST:
                self._take(self._rest[:_LONGEST])
                self._rest = ""
            is_due = self._waiting and time.monotonic() - self._sent > _GATHER_S
        if is_due:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Send what there is."""
        with self._lock:
            lines, self._waiting = self._waiting, []
            self._sent = time.monotonic()
            if self._left_out and int(self._sent) != self._second:
                lines.append(f"({self._left_out} more lines)")
                self._left_out = 0
        if lines:
            self._reports.send(messages.Printed(lines))

    def last(self, count: int) -> list[str]:
        """The last lines that were printed."""
        with self._lock:
            return [*self._kept][-count:]

    def _take(self, line: str) -> None:
        self._kept.append(line)
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        if self._count <= LINES_PER_S:
            self._waiting.append(line)
        else:
            self._left_out += 1

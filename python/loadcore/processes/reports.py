"""The reports that a worker writes."""

from __future__ import annotations

import _thread
import os
import time
from typing import TYPE_CHECKING

from loadcore.processes import messages

if TYPE_CHECKING:
    from loadcore.processes.orders import Orders

HEARTBEAT_S = 1.0


class Reports:
    """Writes reports. When the supervisor no longer listens, they are dropped, and the worker is an orphan."""

    def __init__(self, descriptor: int, orders: Orders) -> None:
        self._descriptor = descriptor
        self._orders = orders
        # Not of `threading`, which user code may replace.
        self._lock = _thread.allocate_lock()
        self._last = time.monotonic()

    def send(self, report: messages.Report) -> None:
        """Send a report whole."""
        view = memoryview(messages.encode_report(report))
        try:
            with self._lock:
                while view.nbytes:
                    view = view[os.write(self._descriptor, view) :]
        except OSError:
            self._orders.orphan()
        self._last = time.monotonic()

    def heartbeat(self) -> None:
        """Say that the worker is there, if it printed nothing for a while."""
        if time.monotonic() - self._last >= HEARTBEAT_S:
            self.send(messages.Alive())

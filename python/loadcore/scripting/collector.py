"""How long Python's garbage collector held up the users."""

from __future__ import annotations

import gc
import time
from typing import Any

_FULL = 2


class Collector:
    """Times full collections, between `start` and `stop`."""

    def __init__(self) -> None:
        self._began_ns = 0
        self._times = 0
        self._longest_ns = self._sum_ns = 0

    def start(self) -> None:
        """Begin."""
        gc.callbacks.append(self._see)

    def stop(self) -> dict[str, Any]:
        """End: how many full collections there were, and how long they took."""
        gc.callbacks.remove(self._see)
        return {"times": self._times, "longest_ms": self._longest_ns / 1e6, "sum_ms": self._sum_ns / 1e6}

    def _see(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] != _FULL:
            return
        if phase == "start":
            self._began_ns = time.perf_counter_ns()
            return
        took_ns = time.perf_counter_ns() - self._began_ns
        self._times += 1
        self._sum_ns += took_ns
        self._longest_ns = max(self._longest_ns, took_ns)

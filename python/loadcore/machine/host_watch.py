"""How much of the machine the client and other programs use during a run."""

from __future__ import annotations

import os
import resource
import time
from typing import TYPE_CHECKING

from loadcore.machine import control_groups
from loadcore.machine.host import busy_ns, process_cpu_ns

if TYPE_CHECKING:
    from collections.abc import Iterable

_NS = 1_000_000_000


class HostWatch:
    """CPU time from one look to the next, on the cores that the client may use.

    A target on one of them is another program, too.
    All is read at one moment, the client's processes as well: what they report of their own seconds is about other
    stretches of time.

    Args:
        workers: Process ids of the workers.
    """

    def __init__(self, workers: Iterable[int] = ()) -> None:
        self._workers = tuple(workers)
        self._cores = os.sched_getaffinity(0)
        self._wall = time.monotonic_ns()
        self._own = self._client_cpu_ns()
        self._busy = busy_ns(self._cores)
        self._stopped = control_groups.stopped_ns()

    def look(self) -> dict[str, int] | None:
        """What happened since the last look; None where the kernel does not say."""
        wall, own, busy = time.monotonic_ns(), self._client_cpu_ns(), busy_ns(self._cores)
        stopped = control_groups.stopped_ns()
        if busy is None or self._busy is None:
            return None
        # A process that ends between two reads is not seen for a moment.
        own = max(own, self._own)
        since, client = wall - self._wall, own - self._own
        foreign = min(busy - self._busy - client, since * len(self._cores) - client)
        grown = [now - self._stopped.get(group, now) for group, now in stopped.items()]
        values = {
            "wall_ns": since,
            "client_cpu_ns": client,
            "foreign_cpu_ns": max(0, foreign),
            "throttled_ns": max(0, *grown, 0),
        }
        self._wall, self._own, self._busy, self._stopped = wall, own, busy, stopped
        return values

    def _client_cpu_ns(self) -> int:
        """Of this process, of workers that work, and of those that have ended."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = int((children.ru_utime + children.ru_stime) * _NS)
        return time.process_time_ns() + ended + sum(process_cpu_ns(pid) or 0 for pid in self._workers)

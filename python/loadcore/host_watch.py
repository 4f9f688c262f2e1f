"""How much of the machine other programs use while a run goes on."""

from __future__ import annotations

import time

from loadcore.machine import busy_ns


class HostWatch:
    """CPU time of everybody else, from one look to the next. A target on the same machine is somebody else, too."""

    def __init__(self) -> None:
        self._wall = time.monotonic_ns()
        self._own = time.process_time_ns()
        self._busy = busy_ns()

    def look(self, workers_cpu_ns: int) -> dict[str, int] | None:
        """What happened since the last look; None where the kernel does not say.

        Args:
            workers_cpu_ns: CPU time that the workers' processes used in that time.
        """
        wall, own, busy = time.monotonic_ns(), time.process_time_ns(), busy_ns()
        if busy is None or self._busy is None:
            return None
        ours = workers_cpu_ns + own - self._own
        values = {
            "wall_ns": wall - self._wall,
            "process_cpu_ns": own - self._own,
            "foreign_cpu_ns": max(0, busy - self._busy - ours),
        }
        self._wall, self._own, self._busy = wall, own, busy
        return values

"""What a server wrote down of each request: the truth that a report is compared with."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

QUANTILES = (0.5, 0.95, 0.99)
_FIELDS = 3


@dataclass(frozen=True)
class Served:
    """One request at the server, in nanoseconds of CLOCK_MONOTONIC."""

    arrived_ns: int
    """When its first byte was in the server's socket, by the kernel's stamp."""
    ended_ns: int
    """When the last byte of its answer had been handed to the kernel."""
    status: int

    @property
    def took_ns(self) -> int:
        """The time that a client that loses none sees, less the way there and back."""
        return self.ended_ns - self.arrived_ns


def write(path: Path, log: array[int]) -> None:
    """Write what a server has kept: arrival, end and status, one after another."""
    path.write_bytes(log.tobytes())


def read(path: Path) -> list[Served]:
    """All requests that were answered, in the order of their answers."""
    log = array("q")
    log.frombytes(path.read_bytes())
    return [Served(*log[index : index + _FIELDS]) for index in range(0, len(log), _FIELDS)]


def percentiles(times_ns: Sequence[int]) -> tuple[float, ...] | None:
    """p50, p95 and p99 by nearest rank; None of nothing."""
    if not times_ns:
        return None
    ordered = sorted(times_ns)
    return tuple(float(ordered[math.ceil(quantile * len(ordered)) - 1]) for quantile in QUANTILES)


def arrived_while(served: Sequence[Served], is_within: Callable[[int], bool]) -> int:
    """Requests that arrived while something held, which is asked with the time since the first arrival."""
    first_ns = min((each.arrived_ns for each in served), default=0)
    return sum(is_within(each.arrived_ns - first_ns) for each in served)

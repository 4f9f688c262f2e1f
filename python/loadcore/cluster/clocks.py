"""How far the clock of a node is from ours, by the quickest of some questions (Cristian's algorithm)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

PINGS = 20
UNSURE_NS = 50_000_000
"""A bound above this is worth a warning."""


class Offset(NamedTuple):
    """A node's monotonic clock less ours."""

    ns: int
    bound_ns: int
    """By how much it may be wrong: half of the quickest round trip."""


def offset_to(ask: Callable[[], int], pings: int = PINGS, clock: Callable[[], int] = time.monotonic_ns) -> Offset:
    """Ask a node for its clock several times, and believe the quickest answer.

    Args:
        ask: Gives the node's monotonic clock.
        pings: How often to ask.
        clock: Our own.
    """
    best: Offset | None = None
    for _ in range(pings):
        sent = clock()
        there = ask()
        back = clock()
        bound = (back - sent) // 2
        if best is None or bound < best.bound_ns:
            best = Offset(there - (sent + back) // 2, bound)
    if best is None:
        raise ValueError("no pings")
    return best

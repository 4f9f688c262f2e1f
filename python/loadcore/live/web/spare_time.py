"""Work that gives way to a run: in time that the cores have left, or, where these are full, in a share.

Linux takes a core from a thread of the class `SCHED_IDLE` the moment that another one wants it. From a thread that is
less urgent and of the usual class it takes it when its turn ends, up to milliseconds later, and a request that is due
waits for that. But on full cores a thread of that class stands still, and may not leave it: so there are two threads,
and each piece of work goes to the one that suits the cores as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")

ENOUGH: Final = 0.1
"""Of a core: with less time left than this, work is not done in it alone."""
_LEAST_S: Final = 0.2
"""The kernel counts time that is left in hundredths of a second."""


class SpareTime:
    """Does work beside the thread that asks for it, one piece after another."""

    def __init__(self) -> None:
        self._left = ThreadPoolExecutor(1, "what is left", initializer=_take_what_is_left)
        self._share = ThreadPoolExecutor(1, "a share")
        self._is_left = False
        self._seen_s, self._left_s = time.monotonic(), left_s()

    async def do(self, work: Callable[[], Value]) -> Value:
        """What a piece of work gives back, once it is done."""
        thread = self._left if self._look() else self._share
        return await asyncio.get_running_loop().run_in_executor(thread, work)

    def _look(self) -> bool:
        """Whether the cores had time left lately."""
        now_s = time.monotonic()
        if (passed_s := now_s - self._seen_s) >= _LEAST_S:
            left = left_s()
            self._is_left = left - self._left_s >= ENOUGH * passed_s
            self._seen_s, self._left_s = now_s, left
        return self._is_left


def left_s() -> float:
    """For how long the cores that this process may use had nothing to do, all together."""
    times = psutil.cpu_times(percpu=True)
    return float(sum(times[core].idle + times[core].iowait for core in os.sched_getaffinity(0) if core < len(times)))


def _take_what_is_left() -> None:
    """From now on, this thread."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

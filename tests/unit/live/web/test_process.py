"""The process of a page gives way to the run."""

from __future__ import annotations

import asyncio
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from loadcore.live.web import spare_time
from loadcore.live.web.spare_time import SpareTime, left_s

if TYPE_CHECKING:
    from collections.abc import Iterator


def scheduling() -> int:
    """By which class the kernel runs the thread that calls this."""
    return os.sched_getscheduler(0)


@pytest.mark.parametrize(
    ("left", "expected"), [(1.0, os.SCHED_IDLE), (0.2, os.SCHED_IDLE), (0.05, os.SCHED_OTHER), (0.0, os.SCHED_OTHER)]
)
def test_work_is_done_in_time_that_is_left_where_there_is_some(
    left: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the cores are full it gets a share, since in what is left it would never be done."""
    now, idle = clock(1.0), clock(left)
    monkeypatch.setattr(spare_time, "time", SimpleNamespace(monotonic=lambda: next(now)))
    monkeypatch.setattr(spare_time, "left_s", lambda: next(idle))
    spare = SpareTime()

    async def twice() -> list[int]:
        return [await spare.do(scheduling), await spare.do(scheduling)]

    assert asyncio.run(twice()) == [expected] * 2
    assert scheduling() == os.SCHED_OTHER


def test_what_is_left_is_of_the_cores_that_may_be_used() -> None:
    """It grows with time and never by more than these cores have."""
    before = left_s()
    assert before >= 0
    assert left_s() >= before


def clock(step: float) -> Iterator[float]:
    """Moments, each this much after the one before."""
    at = 0.0
    while True:
        yield at
        at += step

"""The users' event loop runs to its end, whatever tasks of their own raise or swallow."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.scripting.event_loop import EventLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def run(main: Coroutine[Any, Any, None], stray: Callable[[BaseException], None]) -> None:
    """Run a coroutine on a loop, and close that."""
    loop = EventLoop()
    loop.stray = stray
    try:
        loop.run(main)
    finally:
        loop.close()


def test_a_task_that_exits_ends_neither_loop_nor_process() -> None:
    """`sys.exit()` in a task that is never awaited is reported; the others continue."""
    stray: list[BaseException] = []
    done: list[str] = []

    async def exits() -> None:
        sys.exit(3)

    async def main() -> None:
        task = asyncio.create_task(exits())
        await asyncio.sleep(0.01)
        del task
        done.append("after it")

    run(main(), stray.append)
    assert (done, [repr(each) for each in stray]) == (["after it"], ["SystemExit(3)"])


def test_what_a_task_raises_that_nobody_awaits_is_reported() -> None:
    """Once."""
    stray: list[BaseException] = []

    async def raises() -> None:
        raise LookupError

    async def main() -> None:
        task = asyncio.create_task(raises())
        await asyncio.sleep(0.01)
        del task

    run(main(), stray.append)
    assert [type(each) for each in stray] == [LookupError]


def test_what_the_main_coroutine_raises_is_raised() -> None:
    """After the others were cancelled."""
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    async def main() -> None:
        ended.append(asyncio.create_task(waits()).get_name())
        await asyncio.sleep(0.01)
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        run(main(), ended.append)  # type: ignore[arg-type]
    assert ended[1:] == ["cancelled"]


def test_a_task_that_swallows_its_cancellation_does_not_hold_up_the_end() -> None:
    """It is left behind."""
    swallowed: list[int] = []

    async def swallows() -> None:
        while len(swallowed) < 9:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed.append(1)

    async def main() -> None:
        kept.append(asyncio.create_task(swallows()))
        await asyncio.sleep(0.01)

    kept: list[asyncio.Task[None]] = []
    run(main(), lambda _: None)
    assert swallowed == [1]
    swallowed.extend([1] * 9)

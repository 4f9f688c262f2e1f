"""Runs the users' event loop to its end, as `asyncio.run` does, whatever tasks of their own raise or swallow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from loadcore.loader.user_code import from_own_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_END_S: Final = 1.0
"""How long tasks that are still there may take to end."""


class EventLoop:
    """A loop of the kind that the process has chosen.

    Attributes:
        stray: Takes what a task raised that is never awaited. `sys.exit()` in one ends neither loop nor process.
    """

    def __init__(self) -> None:
        self.stray: Callable[[BaseException], None] = lambda _: None
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _, context: _handle(self._loop, context, self.stray))

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine to its end.

        Raises:
            BaseException: What it raised.
        """
        asyncio.set_event_loop(self._loop)
        task = self._loop.create_task(main)
        _complete(self._loop, task)
        task.result()

    def close(self) -> None:
        """End what is still there, and the loop."""
        try:
            _end(self._loop)
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()


def _complete(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
    """Run the loop until a task is done."""
    while not task.done():
        try:
            loop.run_until_complete(asyncio.wait({task}))
        except (SystemExit, KeyboardInterrupt) as error:
            # Of any task they stop the loop itself. The task has kept them, and the loop's frames would keep the task.
            error.__traceback__ = from_own_frame(error.__traceback__)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is still there. Tasks that swallow that are left behind."""
    left = asyncio.all_tasks(loop)
    for each in left:
        each.cancel()
    if left:
        _complete(loop, loop.create_task(_wait(left)))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())


async def _wait(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.wait(tasks, timeout=_END_S)


def _handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any], stray: Callable[[BaseException], None]) -> None:
    error = context.get("exception")
    if isinstance(error, BaseException):
        stray(error)
    elif "was destroyed but it is pending" not in context["message"] or not loop.is_closed():
        loop.default_exception_handler(context)

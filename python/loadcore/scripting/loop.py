"""Runs the users of a worker on its event loop: one long-lived task for each, woken by the engine.

The engine's descriptor is watched like a socket, so that any loop will do and any asyncio library works beside it. What
waits for a response is resumed inside the drain, in its own context: a `Runner` does that for the task of each user.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol

from loadcore.loader.user_code import line_awaited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from loadcore.engine import Crossing, ScriptUser, Turn

SWALLOWS = 3
"""A user that has swallowed this many cancellations is named and dropped."""

_AGAIN_S = 0.3


class Life(Protocol):
    """What a user does with its turns.

    Each coroutine between the loop and the user's code is passed twice by every request: these are plain functions
    for that.
    """

    def begin(self, turn: Turn) -> Awaitable[object]:
        """Begins a turn: gives the user's code, to be awaited."""
        ...

    def end(self, error: BaseException | None, *, is_cut: bool = False) -> str:
        """Ends a turn, by what the user's code raised, and whether the engine has cut it short: says how.

        Raises nothing: the engine would wait for the user for ever.
        """
        ...


class Loop:
    """All users of a worker.

    Args:
        crossing: The engine's side of the worker.
        scenarios: The numbers of the scenarios whose users are here.
        make: Says what a user does with its turns.
        say: Tells the supervisor something, in one sentence.
    """

    def __init__(
        self,
        crossing: Crossing,
        scenarios: frozenset[int],
        make: Callable[[ScriptUser], Life],
        say: Callable[[str], None],
    ) -> None:
        self._crossing = crossing
        self._open = set(scenarios)
        self._make = make
        self._say = say
        self._tasks: dict[tuple[int, int], tuple[asyncio.Task[None], Coroutine[Any, Any, None]]] = {}
        self._in_turn: set[tuple[int, int]] = set()
        self._cut: set[tuple[int, int]] = set()
        self._is_ending = False
        self._stopping: set[int] = set()
        self._over = asyncio.Event()

    async def run(self, answer: type[Any]) -> None:
        """Run users until the engine takes nothing more.

        Args:
            answer: The class that calls are made of.
        """
        loop = asyncio.get_running_loop()
        self._crossing.attach(loop, answer)
        loop.add_reader(self._crossing.fileno(), self._drain)
        try:
            await self._over.wait()
        finally:
            loop.remove_reader(self._crossing.fileno())
            await self._end_all()

    def _drain(self) -> None:
        for notice in self._crossing.drain():
            match notice:
                case ("iterate", scenario, user):
                    self._start(scenario, user)
                case ("interrupted", scenario, user):
                    self._interrupt(scenario, user)
                case ("stopping", scenario):
                    self._stopping.add(scenario)
                    self._finish_if_idle(scenario)
                case ("closed", scenario):
                    self._open.discard(scenario)
                    if not self._open:
                        self._over.set()

    def _start(self, scenario: int, number: int) -> None:
        user = self._crossing.user(scenario, number)
        life, context = self._live(user), copy_context()
        runner = self._crossing.runner(life)
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(
            runner, name=f"user {number}", context=context
        )
        runner.belongs_to(task, context)
        self._tasks[scenario, number] = task, life

    async def _live(self, user: ScriptUser) -> None:
        """All that a user does: turn after turn."""
        scenario, life = user.scenario, self._make(user)
        key, in_turn, stopping = (scenario, user.number), self._in_turn, self._stopping
        while True:
            turn: Turn | None = await user.turn()
            in_turn.add(key)
            try:
                # Most turns end with the next one begun.
                while turn is not None:
                    try:
                        await life.begin(turn)
                    except BaseException as error:
                        if self._is_ending and isinstance(error, GeneratorExit):
                            # The coroutine is closed with its loop.
                            raise
                        turn = user.end(life.end(error, is_cut=self._is_ending or key in self._cut))
                    else:
                        turn = user.end(life.end(None))
            finally:
                in_turn.discard(key)
                self._cut.discard(key)
                if scenario in stopping:
                    self._finish_if_idle(scenario)

    def _finish_if_idle(self, scenario: int) -> None:
        if all(of != scenario for of, _ in self._in_turn):
            self._crossing.finish(scenario)

    def _interrupt(self, scenario: int, number: int) -> None:
        """Cut a user's iteration short. What its `finally` awaits, the engine still does for a moment."""
        if (scenario, number) in self._in_turn:
            self._cut.add((scenario, number))
            self._tasks[scenario, number][0].cancel()

    async def _end_all(self) -> None:
        """End the tasks of users that wait for a turn that does not come; those that swallow it are named."""
        self._is_ending = True
        left = {key: task for key, (task, _) in self._tasks.items() if not task.done()}
        for _ in range(SWALLOWS):
            for task in left.values():
                task.cancel()
            if left:
                await asyncio.wait(left.values(), timeout=_AGAIN_S)
            left = {key: task for key, task in left.items() if not task.done()}
        for key in left:
            place, source = line_awaited(self._tasks[key][1]) or ("", "")
            where = f" at {place} ({source.removeprefix(': ')})" if place else ""
            self._say(f"user {key[1]} swallows CancelledError{where}, and was dropped: raise it again")

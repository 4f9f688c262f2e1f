"""What callgrind watches, users in Python in one process: `python -m benches.counts.python_users URL CASE N`.

The code of users runs in the main thread, as in a worker; the engine, and what reads its events, in threads of their
own.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import TYPE_CHECKING

from loadcore import Client, Scenario, iterations
from loadcore.compiler import Options, compile_run
from loadcore.engine import Ended, Engine
from loadcore.scripting.client import Driver
from loadcore.scripting.iteration import end_turn
from loadcore.scripting.loop import Loop
from loadcore.scripting.response import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from loadcore.engine import ScriptUser, Turn
    from loadcore.scenario.step import Script

USERS = 64
PER_ITERATION = 10
"""How many requests an iteration of most cases makes."""


async def get(c: Client) -> None:
    """A request, and nothing of its response."""
    for _ in range(PER_ITERATION):
        await c.get("/")


async def once(c: Client) -> None:
    """An iteration of one request."""
    await c.get("/")


async def item(c: Client) -> None:
    """A value in the URL, a header, the status and a value of the JSON body."""
    for number in range(PER_ITERATION):
        r = await c.get("/json/{id}", number, headers={"X-Request": "7"})
        c.check(r.status == 200, "found")
        r.json("$.id")


async def gather(c: Client) -> None:
    """Four requests at once."""
    await c.gather(c.get("/"), c.get("/"), c.get("/"), c.get("/"))


CASES: dict[str, tuple[Script, int]] = {
    "get": (get, PER_ITERATION),
    "once": (once, 1),
    "item": (item, PER_ITERATION),
    "gather": (gather, 4),
}
"""What an iteration does, and how many requests it makes."""


class Run:
    """What users need of a run."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.now_ns = now_ns

    def abort(self, reason: str) -> None:
        """None of them does."""
        raise RuntimeError(reason)


class Life:
    """What a user does with its turns: all the same. What it raises goes into `errors`."""

    def __init__(self, driver: Driver, script: Script, errors: list[str]) -> None:
        self._driver, self._script, self._errors = driver, script, errors

    def begin(self, turn: Turn) -> Awaitable[object]:
        """Begins a turn."""
        self._driver.begin(turn)
        return self._script(self._driver.client)

    def end(self, error: BaseException | None, *, is_cut: bool = False) -> str:
        """Ends it."""
        ended = end_turn(self._driver, error, is_cut=is_cut)
        self._errors.extend(ended.raised.frames if ended.raised else [])
        return ended.how


async def run(base_url: str, case: str, requests: int) -> None:
    """Has users make this number of requests.

    Raises:
        RuntimeError: The run had an error.
    """
    script, each = CASES[case]
    load = iterations(total=requests // each, users=USERS, max_duration="1h")
    plan, _ = compile_run([Scenario("counted", base_url=base_url, load=load, steps=script)], Options())
    engine = Engine(plan.to_json(), 0, 1)
    crossing = engine.crossing()
    if crossing is None:
        raise RuntimeError("a plan with scripts has a crossing")
    now_ns = crossing.now_ns
    errors: list[str] = []

    def read() -> None:
        while True:
            event = engine.next_event(1_000)
            if isinstance(event, Ended):
                errors.extend([event.error] if event.error else [])
                return

    def make(user: ScriptUser) -> Life:
        return Life(Driver(user, Run(now_ns), scenario="counted", seed=1), script, errors)

    reader = threading.Thread(target=read)
    engine.start(time.monotonic_ns(), time.time_ns() // 1_000)
    reader.start()
    await Loop(crossing, frozenset({0}), make, print).run(Response)
    await asyncio.to_thread(reader.join)
    if errors:
        raise RuntimeError(errors[0])


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))

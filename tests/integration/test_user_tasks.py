"""Users in Python are tasks of asyncio's, though the engine steps their code itself where it waits for requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import loadcore
from tests.integration.counting_target import Target, counting_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_AS_TASKS = """
import asyncio
import contextvars

from loadcore import Client, Scenario, iterations

mine = contextvars.ContextVar("mine", default=0)


async def gives_up(c: Client, path: str) -> str:
    try:
        await c.get(path)
    except asyncio.CancelledError as error:
        return str(error)
    return "not cancelled"


async def is_itself(c: Client) -> None:
    task = asyncio.current_task()
    c.check(type(task) is asyncio.Task and task.get_name() == f"user {c.user}", "a task of its own")
    for number in range(3):
        mine.set(c.user * 10 + number)
        await c.get("/a")
        c.check(asyncio.current_task() is task, "still the current task")
        c.check(mine.get() == c.user * 10 + number, "a context of its own")
        await asyncio.sleep(0)
    seen, asked = [], c.get("/a")
    asyncio.get_running_loop().call_soon(asked.add_done_callback, lambda _: seen.append(asyncio.current_task()))
    await asked
    c.check(seen == [], "its code first")
    # A response that was there before the loop came round: the callback is one turn late.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    c.check(seen == [None], "callbacks of no task")
    asyncio.get_running_loop().call_soon(lambda: seen.append(asyncio.current_task()))
    await asyncio.sleep(0)
    c.check(seen == [None] * 2, "the loop's of no task")
    frames = task.get_stack()
    c.check(frames and all(each.f_code.co_filename for each in frames), "a stack")


async def is_cancelled(c: Client) -> None:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    await c.get("/a")
    loop.call_later(0.05, task.cancel, "by another")
    c.check(await gives_up(c, "/hang") == "by another", "while it waits")
    task.uncancel()
    task.cancel("by itself")
    c.check(await gives_up(c, "/hang") == "by itself", "while it runs")
    task.uncancel()
    await c.get("/a")
    task.cancel("at a pause")
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError as error:
        c.check(str(error) == "at a pause", "at a pause")
    task.uncancel()
    hangs = c.get("/hang")
    loop.call_later(0.05, hangs.cancel)
    try:
        await hangs
    except asyncio.CancelledError:
        c.check(task.cancelling() == 0, "only its request")
    try:
        async with asyncio.timeout(0.05):
            await c.get("/a")
            await c.get("/hang")
    except TimeoutError:
        c.check(True, "by its own timeout")
    async with asyncio.TaskGroup() as group:
        others = [group.create_task(gives_up(c, path)) for path in ("/a", "/b")]
        await c.get("/a")
    c.check([each.result() for each in others] == ["not cancelled"] * 2, "beside its own tasks")
    c.check((await c.get("/a")).status == 200, "after all")


async def raises(c: Client) -> None:
    await c.get("/a")
    raise LookupError("after a request")


itself = Scenario("itself", load=iterations(total=4, users=2), steps=is_itself)
cancelled = Scenario("cancelled", load=iterations(total=2, users=2), steps=is_cancelled)
raising = Scenario("raising", load=iterations(total=1, users=1), steps=raises)
"""
_ITSELF = {
    "a task of its own": 4,
    "still the current task": 12,
    "a context of its own": 12,
    "its code first": 4,
    "callbacks of no task": 4,
    "the loop's of no task": 4,
    "a stack": 4,
}
_CANCELLED = [
    *("while it waits", "while it runs", "at a pause", "only its request", "by its own timeout"),
    *("beside its own tasks", "after all"),
]


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A target for all tests."""
    with counting_target() as listening:
        yield listening


def test_users_are_tasks(target: Target, tmp_path: Path) -> None:
    """Name, context, stack, each way of cancelling, and an exception are those of a task that awaits by itself."""
    (tmp_path / "shop.py").write_text(_AS_TASKS, encoding="utf-8")
    made = loadcore.run(str(tmp_path / "shop.py"), base_url=target.url, out=tmp_path / "run", workers=1)
    checks = {each["name"]: (each["evaluated"], each["failed"]) for each in made.summary["checks"]}
    expected = _ITSELF | dict.fromkeys(_CANCELLED, 2)
    assert checks == {name: (times, 0) for name, times in expected.items()}
    raised = made.summary["user_code"]["exceptions"]
    assert [each["kind"] for each in raised] == ["LookupError"]

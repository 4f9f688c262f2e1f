"""What the source of a user's function says."""

from __future__ import annotations

import time
from typing import Any

import loadcore
from loadcore import Client, User, get, group, think
from loadcore.scripting.source import read


async def put_with_lock(client: Client, cart: str) -> None:
    """A helper that is handed the client."""
    await client.put("/carts/{cart}", cart)
    await put_with_lock(client, cart)


async def reads(c: Client) -> None:
    """Names that can be read."""
    row: dict[str, str] = {}
    row.get("/not-a-request")
    await c.get("/items/{id}?x=1", 7)
    await c.gather(c.get("/items/{id}", 8), c.post("https://other.test/x"))
    await c.request("PURGE", "/cache")
    await c.delete(str(row))
    await c.get("/named", name="own name")
    await put_with_lock(c, "x")


async def doubtful(c: Client) -> None:
    """What works, and surprises."""
    number = 7
    await c.get(f"/items/{number}/x/{number + 1}")
    await c.request("GET", f"/a/{number}")
    await c.get(f"/named/{number}", name="named")
    c.get("/forgotten")  # type: ignore[unused-coroutine]
    c.think("1s")  # type: ignore[unused-coroutine]
    time.sleep(0)  # noqa: ASYNC251


async def wrong(_: Client) -> None:
    """What does nothing."""
    think("1s")
    await get("/x")  # type: ignore[misc]
    group("g", [])
    loadcore.think("1s")


def line_of(function: Any, offset: int) -> int:
    """The line of a function's source."""
    return int(function.__code__.co_firstlineno) + offset


def test_names() -> None:
    """Each once, in their order, those of helpers too; what is made at run time is left out."""
    assert read(reads).calls == [
        "GET /items/{id}",
        "POST /x",
        "PURGE /cache",
        "own name",
        "PUT /carts/{cart}",
    ]


def test_a_method_of_a_class() -> None:
    """The client is the user's `c`."""

    class Shopper(User):
        async def browse(self) -> None:
            await self.c.get("/items")

    assert read(Shopper.browse).calls == ["GET /items"]


def test_what_surprises_is_found() -> None:
    """With its line and what to write instead."""
    assert read(doubtful).doubtful == [
        (
            line_of(doubtful, 3),
            'an f-string as URL makes a name of every value: write c.get("/items/{number}/x/{id}", number, number + 1)',
        ),
        (
            line_of(doubtful, 4),
            'an f-string as URL makes a name of every value: write c.request("GET", "/a/{number}", number)',
        ),
        (line_of(doubtful, 6), "c.get(…) is not awaited, and does nothing: write await c.get(…)"),
        (line_of(doubtful, 7), "c.think(…) is not awaited, and does nothing: write await c.think(…)"),
        (line_of(doubtful, 8), 'time.sleep(…) stops all users of its worker: write await c.sleep("1s")'),
    ]


def test_declarations_in_a_user_are_found() -> None:
    """They would do nothing."""
    assert read(wrong).wrong == [
        (line_of(wrong, 2), 'think() declares a pause: inside a user write await c.think("1s")'),
        (line_of(wrong, 3), 'get() declares a request: inside a user write await c.get("/path")'),
        (line_of(wrong, 4), 'group() declares steps: inside a user write async with c.group("name"):'),
        (line_of(wrong, 5), 'think() declares a pause: inside a user write await c.think("1s")'),
    ]


def test_what_has_no_source_says_nothing() -> None:
    """A function of a prompt may have none."""
    names: dict[str, Any] = {}
    exec("async def shopper(c): await c.get('/x')", names)
    assert read(names["shopper"]).calls == []

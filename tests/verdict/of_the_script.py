"""Situations in which the code of the users is the limit: it blocks, or computes; and one in which it does neither."""

from __future__ import annotations

import time
from itertools import count

from loadcore import Client, Scenario, arrival_rate, users
from tests.verdict.laws import Delay
from tests.verdict.situation import Expected, Named, Situation, Target

_5_MS = Target(Delay(5))
_SEVERAL = 100
_turns = count(1)
_BLOCKS = Named("script", r"of_the_script\.py:\d+ \(time\.sleep\(0\.25\)", remedy="asyncio.to_thread")
_COMPUTES = Named("script", r"Python code of worker 0", remedy="--workers")


async def blocks(c: Client) -> None:
    """Holds up all users now and then."""
    await c.get("/items")
    if next(_turns) % _SEVERAL == 0:
        time.sleep(0.25)  # noqa: ASYNC251 - what is tested


async def computes(c: Client) -> None:
    """Takes more of a core than there is, at hundreds of requests a second."""
    await c.get("/items")
    sum(range(200_000))


async def looks(c: Client) -> None:
    """Does what a user does."""
    items = await c.get("/items")
    c.check(items.ok, "there are items")


def situations() -> list[Situation]:
    """Situations whose users are written in Python."""
    blamed = frozenset({"client", "other programs"})
    return [
        Situation(
            "script-blocks",
            "users who call time.sleep(0.25) now and then, 150/s",
            Scenario("items", load=arrival_rate("150/s", duration="6s", max_users=60), steps=blocks),
            _5_MS,
            Expected(named=(_BLOCKS,), needs_effect=True, may_blame=blamed),
        ),
        Situation(
            "script-open",
            "users who compute for longer than they wait, 400/s",
            Scenario("items", load=arrival_rate("400/s", duration="6s", max_users=50), steps=computes),
            _5_MS,
            Expected(named=(_COMPUTES,), needs_effect=True, may_blame=blamed),
        ),
        Situation(
            "script-closed",
            "20 users who compute for longer than they wait",
            Scenario("items", load=users(20, duration="6s"), steps=computes),
            _5_MS,
            Expected(may_blame=blamed | {"script"}),
        ),
        Situation(
            "script-quiet",
            "users in Python without a fault, 100/s",
            Scenario("items", load=arrival_rate("100/s", duration="6s"), steps=looks),
            _5_MS,
            Expected(),
        ),
    ]

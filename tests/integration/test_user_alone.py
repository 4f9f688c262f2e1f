"""One user with no run around it: `loadcore.debug`, and a `Client` by itself."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import loadcore
from loadcore import Client, Scenario, iterations, per_worker
from loadcore.errors import UsageError
from tests.integration.counting_target import Target, counting_target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

happened: list[str] = []


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A target for all tests."""
    with counting_target() as listening:
        yield listening


@pytest.fixture(autouse=True)
def _nothing_yet() -> None:
    happened.clear()


@per_worker
async def shared() -> AsyncIterator[asyncio.AbstractEventLoop]:
    """The loop that it was made in."""
    happened.append("opened")
    yield asyncio.get_running_loop()
    happened.append("closed")


async def uses(c: Client) -> None:
    """Uses what users share, and notes it."""
    assert await shared() is asyncio.get_running_loop()
    await c.get("/items")
    happened.append("used")


def test_what_users_share_is_made_anew_in_each_loop(target: Target) -> None:
    """And closed by the last client that is open there, as a test that has a loop of its own needs it."""
    shop = Scenario("shop", base_url=target.url, steps=uses)

    async def two() -> None:
        async with Client(shop) as one, Client(shop) as other:
            await uses(one)
            await uses(other)

    for _ in range(2):
        asyncio.run(two())
        assert happened == ["opened", "used", "used", "closed"]
        happened.clear()
    loadcore.debug(shop)
    assert happened == ["opened", "used", "closed"]


def test_what_is_debugged_is_the_function_itself(target: Target) -> None:
    """Also one of a function, and with values that could not be sent to a worker."""
    lock = asyncio.Lock()
    seen: list[int] = []

    async def local(c: Client) -> None:
        async with lock:
            seen.append((await c.get("/items")).status)

    shop = Scenario("shop", base_url=target.url, steps=local)
    loadcore.debug(shop, iterations=2)

    async def alone() -> None:
        async with Client(Scenario("shop", base_url=target.url, on_start=local, steps=local)):
            pass

    asyncio.run(alone())
    assert seen == [200, 200, 200]


_PROGRAM = """
import loadcore
from loadcore import Client, Scenario

seen = []


async def visitor(c: Client) -> None:
    seen.append((await c.get("/items")).status)


if __name__ == "__main__":
    loadcore.debug(Scenario("shop", base_url={url!r}, steps=visitor))
    print(seen)
"""


def test_a_program_that_debugs_itself(target: Target, tmp_path: Path) -> None:
    """Its functions are those that it has: what they change is changed."""
    (tmp_path / "shop.py").write_text(_PROGRAM.format(url=target.url), encoding="utf-8")
    ran = subprocess.run([sys.executable, "shop.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.stdout.splitlines()[-1], ran.stderr) == ("[200]", "")


def test_a_client_that_is_not_open(target: Target) -> None:
    """Before its block, after it, and in one that is not asynchronous, it says what to write."""
    client = Client(Scenario("shop", base_url=target.url, steps=uses))
    not_open = "this client is not open: write async with Client"

    async def opens() -> None:
        with pytest.raises(RuntimeError, match=not_open):
            await client.get("/items")
        async with client:
            assert (await client.get("/items")).status == 200
        with pytest.raises(RuntimeError, match=not_open):
            client.check(True, "found")
        with pytest.raises(RuntimeError, match=not_open):
            await client.sleep("1ms")

    asyncio.run(opens())
    with pytest.raises(TypeError, match="write async with Client"), client:
        pass


def test_debugging_where_a_loop_runs(target: Target) -> None:
    """As in a notebook: the message says what to write there."""

    async def notebook() -> None:
        loadcore.debug(Scenario("shop", base_url=target.url, steps=uses))

    with pytest.raises(UsageError, match="one runs already, as in a notebook"):
        asyncio.run(notebook())


@pytest.mark.parametrize("error", [LookupError("late"), KeyboardInterrupt(), SystemExit(3)])
def test_what_the_end_of_a_user_raises(target: Target, error: BaseException) -> None:
    """It is raised where the client is closed; in a start, where it is opened."""

    async def raises(_: Client) -> None:
        raise error

    async def opens(**given: object) -> None:
        async with Client(Scenario("shop", base_url=target.url, steps=uses, **given)):  # type: ignore[arg-type]
            happened.append("inside")

    for name in ("on_start", "on_stop"):
        with pytest.raises(type(error)):
            asyncio.run(opens(**{name: raises}))
    assert happened == ["inside"]


def test_a_variable_that_is_no_json(target: Target) -> None:
    """It ends the client with a message, and does not keep it waiting."""

    async def sets() -> None:
        async with Client(Scenario("shop", base_url=target.url, steps=uses)) as c:
            c.variables["cart"] = object()

    with pytest.raises(TypeError, match="is not JSON"):
        asyncio.run(asyncio.wait_for(sets(), 60))


def test_what_users_share_is_sent_as_its_declaration(target: Target, tmp_path: Path) -> None:
    """Workers open and close their own, though this process has opened one."""

    async def counts(c: Client) -> None:
        c.check(await shared() is asyncio.get_running_loop(), "its own")
        await c.get("/items")

    shop = Scenario("shop", base_url=target.url, load=iterations(total=2), steps=counts)

    async def first() -> None:
        async with Client(shop) as c:
            await counts(c)
            made = await asyncio.to_thread(loadcore.run, shop, out=tmp_path / "run", workers=1)
            checks = [(each["name"], each["evaluated"], each["failed"]) for each in made.summary["checks"]]
            assert checks == [("its own", 2, 0)]

    asyncio.run(first())

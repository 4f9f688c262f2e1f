"""Users in Python beside what others wrote: another event loop, an asynchronous client, the garbage collector."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

import loadcore
from tests.integration.busy import exit_codes
from tests.integration.counting_target import Target, counting_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loadcore.results.open.run import Run


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A target for all tests."""
    with counting_target() as listening:
        yield listening


def run(source: str, target: Target, folder: Path) -> Run:
    """A run of a file with this source, by one worker."""
    (folder / "shop.py").write_text(source, encoding="utf-8")
    return loadcore.run(str(folder / "shop.py"), base_url=target.url, out=folder / "run", workers=1)


def checks(made: Run) -> dict[str, tuple[int, int]]:
    """How often each check was looked at, and how often it did not hold."""
    return {each["name"]: (each["evaluated"], each["failed"]) for each in made.summary["checks"]}


_ON_UVLOOP = """
import asyncio

import uvloop

from loadcore import Client, Scenario, iterations

uvloop.install()


async def in_every_way(c: Client) -> None:
    loop = asyncio.get_running_loop()
    c.check(type(loop).__module__.startswith("uvloop"), "it is uvloop")
    both = await asyncio.gather(c.get("/a"), c.get("/b"))
    c.check([each.status for each in both] == [200, 200], "gather")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(c.get(path)) for path in ("/a", "/b")]
    c.check([task.result().status for task in tasks] == [200, 200], "TaskGroup")
    try:
        async with asyncio.timeout(0.1):
            await c.get("/hang")
    except TimeoutError:
        c.check(True, "timeout")
    held = c.get(f"/held/{c.user}")
    try:
        await asyncio.wait_for(asyncio.shield(held), 0.1)
    except TimeoutError:
        await c.get(f"/release/{c.user}")
        c.check((await held).status == 200, "shield")
    await c.sleep("10ms")
    await asyncio.sleep(0)


shop = Scenario("shop", load=iterations(total=2, users=2), steps=in_every_way)
"""


def test_users_run_on_uvloop(target: Target, tmp_path: Path) -> None:
    """A file that installs uvloop has its users on it, and requests are futures there as well."""
    made = run(_ON_UVLOOP, target, tmp_path)
    assert checks(made) == dict.fromkeys(["it is uvloop", "gather", "TaskGroup", "timeout", "shield"], (2, 0))
    assert made.summary["user_code"]["exceptions"] == []
    assert exit_codes(made) == []


_WITH_REDIS = """
from collections.abc import AsyncIterator

import redis.asyncio

from loadcore import Client, Scenario, iterations, per_worker


@per_worker
async def cache() -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis(unix_socket_path={socket!r}) as client:
        yield client


async def counts(c: Client) -> None:
    counter = await cache()
    async with c.measure("redis", "incr"):
        before = await counter.incr("visits")
    seen = await c.get("/items")
    c.check(seen.ok and int(await counter.get("visits")) >= before, "counted")


shop = Scenario("shop", load=iterations(total=20, users=4), steps=counts)
"""


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_a_client_of_redis_beside_the_requests(target: Target, tmp_path: Path) -> None:
    """redis.asyncio talks to a real server on the users' loop; what it took has rows of its own."""
    socket = tmp_path / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            end = time.monotonic() + 60
            while not socket.exists() and time.monotonic() < end:
                time.sleep(0.01)
            made = run(_WITH_REDIS.format(socket=str(socket)), target, tmp_path)
        finally:
            server.terminate()
    assert checks(made) == {"counted": (20, 0)}
    rows = made.requests["step"].to_pylist()
    assert (rows.count("redis incr"), rows.count("GET /items")) == (20, 20)
    assert exit_codes(made) == []


_COLLECTS = """
import gc

from loadcore import Client, Scenario, iterations


async def collects(c: Client) -> None:
    await c.get("/items")
    c.check(gc.get_freeze_count() > 1000 and gc.get_threshold()[0] == 50_000, "frozen")
    c.state["nodes"] = nodes = [[number] for number in range(600_000)]
    gc.collect()
    c.check(len(nodes) > 0, "kept")


shop = Scenario("shop", load=iterations(total=1), steps=collects)
"""


def test_pauses_of_the_garbage_collector_are_reported(target: Target, tmp_path: Path) -> None:
    """What was there before the load is frozen; full collections of what users keep are counted, timed and noted."""
    made = run(_COLLECTS, target, tmp_path)
    assert checks(made) == {"frozen": (1, 0), "kept": (1, 0)}
    told = made.summary["user_code"]["collections"]
    assert told["times"] >= 1
    assert 0 < told["longest_ms"] <= told["sum_ms"]

"""Typical mistakes in users in Python, each with the sentence that it gets, word for word."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from loadcore.compiler import Options, compile_plan
from loadcore.errors import LoadcoreError, ScenarioError
from loadcore.loader import scenario_file
from loadcore.scenario.step import Declaring
from loadcore.scripting.travel import find
from tests.unit.scripting.fake import Fake, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILE = """import time
import loadcore
from loadcore import Client, Scenario, User, get, task, think
import threading
{code}
shop = Scenario("shop", base_url="http://127.0.0.1:9", steps={steps})
"""
_BEFORE = [
    # What is declared.
    (
        "def shopper(c: Client) -> None: ...",
        "shopper",
        (
            "shop.py:6: shopper is a def: a user's function must be an async def\n"
            "  hint: write async def shopper(c: Client) -> None"
        ),
    ),
    (
        "async def shopper(c: Client) -> None: ...",
        "shopper(None)",
        (
            "shop.py:6: steps is shopper(…), which was called: give the function itself\n"
            "  hint: write shopper without brackets"
        ),
    ),
    (
        "async def shopper(c: Client, row: dict[str, str]) -> None: ...",
        "shopper",
        (
            "shop.py:6: shopper takes 2 arguments: a user's function takes one, the client\n"
            "  hint: write async def shopper(c: Client) -> None"
        ),
    ),
    (
        "async def shopper(c: Client): yield",
        "[shopper]",
        "shop.py:6: shopper yields: a user's function only awaits\n  hint: take yield out",
    ),
    (
        "class Shopper(User): ...",
        "Shopper",
        "shop.py:6: Shopper has no tasks\n  hint: write @task() above each method that is an iteration",
    ),
    (
        "class Shopper(User): ...",
        "Shopper()",
        "shop.py:6: steps is an instance of Shopper: give the class itself\n  hint: write Shopper without brackets",
    ),
    (
        "class Shopper: ...",
        "Shopper",
        (
            "shop.py:6: steps is a class: it must derive from User\n"
            "  hint: write class Shopper(User), and @task() above its iterations"
        ),
    ),
    # What the source shows.
    (
        "async def shopper(c: Client) -> None:\n    await c.get('/x')\n    think('1s')",
        "shopper",
        'shop.py:7: think() declares a pause: inside a user write await c.think("1s")',
    ),
]
_NOTED = [
    (
        "async def shopper(c: Client) -> None:\n    id = 7\n    await c.get(f'/items/{id}')",
        'shop.py:7: an f-string as URL makes a name of every value: write c.get("/items/{id}", id)',
    ),
    (
        "async def shopper(c: Client) -> None:\n    c.get('/items')",
        "shop.py:6: c.get(…) is not awaited, and does nothing: write await c.get(…)",
    ),
    (
        "async def shopper(c: Client) -> None:\n    time.sleep(0)",
        'shop.py:6: time.sleep(…) stops all users of its worker: write await c.sleep("1s")',
    ),
]
_DURING = [
    ("await c.get('/items/{id}')", "TypeError: c.get('/items/{id}') takes 1 value for its braces, and got 0"),
    ("await c.get('/items', query={})", 'TypeError: c.get() has no option "query": it is called params'),
    (
        "await c.get('/items', timeout=5)",
        'TypeError: timeout is 5: it must be a duration such as "10s", or Timeouts(…)',
    ),
    (
        "(await c.get('/items')).status_code",
        'AttributeError: a response has no "status_code", did you mean "status"?',
    ),
    ("(await c.get('/items')).contnet", 'AttributeError: a response has no "contnet", did you mean "content"?'),
    ("c.pst('/items')", 'AttributeError: a client has no "pst", did you mean "post"?'),
    ("'a'.contnet", "AttributeError: 'str' object has no attribute 'contnet'"),
    (
        "await c.stream('GET', '/events')",
        'TypeError: c.stream() is not awaited: write async with c.stream("GET", "/events") as s',
    ),
    (
        "[event async for event in c.stream('GET', '/events')]",
        'TypeError: c.stream() is read in its block: write async with c.stream("GET", "/events") as s',
    ),
    (
        "c.stream('GET', '/events').__enter__()",
        'TypeError: c.stream() needs async with: write async with c.stream("GET", "/events") as s',
    ),
    ("c.group('pages').__enter__()", 'TypeError: c.group() needs async with: write async with c.group("pages")'),
    (
        "c.measure('sql', 'keep').__enter__()",
        'TypeError: c.measure() needs async with: write async with c.measure("sql", "keep")',
    ),
    (
        "await c.gather([c.get('/a'), c.get('/b')])",
        "TypeError: c.gather() takes requests, and got a list: write c.gather(*requests)",
    ),
    ("c.row['name']", 'NoColumn: the row has no column "name": the scenario has no feeders'),
    (
        "(await c.get('/items')).service_time < 0.5",
        'TypeError: a duration compares with a string such as "500ms", not with 0.5',
    ),
    (
        "getattr(loadcore, 'get')('/x')",
        'ScenarioError: shop.py:6: get() declares a request: inside a user write await c.get("/path")',
    ),
]


@pytest.fixture(autouse=True)
def _over() -> Iterator[None]:
    """While users run no declaration may be made."""
    yield
    Declaring.is_over = False
    sys.modules.pop("loadcore_scenario_shop", None)


def written(folder: Path, code: str, steps: str = "shopper") -> scenario_file.ScenarioFile:
    """The file of a scenario with this code."""
    path = folder / "shop.py"
    path.write_text(_FILE.format(code=code, steps=steps), "utf-8")
    return scenario_file.load(path)


@pytest.mark.parametrize(("code", "steps", "message"), _BEFORE)
def test_before_the_run(code: str, steps: str, message: str, tmp_path: Path) -> None:
    """Found before anything is sent, with its line and what to write."""
    with pytest.raises(ScenarioError) as caught:
        compile_plan(written(tmp_path, code, steps).scenarios, Options(seed=1))
    assert str(caught.value) == message


@pytest.mark.parametrize(("code", "message"), _NOTED)
def test_what_check_notes(code: str, message: str, tmp_path: Path) -> None:
    """What works and will surprise is shown by `loadcore check`."""
    plan = compile_plan(written(tmp_path, code).scenarios, Options(seed=1))
    assert plan.document["scripts"][0]["notes"] == [message]


@pytest.mark.parametrize(("line", "message"), _DURING)
def test_during_the_run(line: str, message: str, tmp_path: Path) -> None:
    """Counted by type and line, and shown with what to write."""
    code = f"async def shopper(c: Client) -> None:\n    {line}"
    plan = compile_plan(written(tmp_path, code).scenarios, Options(seed=1))
    script = find(plan.document["scripts"][0])
    Declaring.is_over = True

    ended = run(script, Fake())
    assert ended.raised is not None
    assert (ended.raised.message, ended.raised.at) == (message, "shop.py:6")


def test_a_closure_that_cannot_be_sent() -> None:
    """The variable is named."""
    pytest.importorskip("cloudpickle")
    import threading  # noqa: PLC0415

    from loadcore import Client, Scenario  # noqa: PLC0415

    lock = threading.Lock()

    async def shopper(c: Client) -> None:
        with lock:
            await c.get("/x")

    with pytest.raises(LoadcoreError) as caught:
        compile_plan([Scenario("shop", base_url="http://127.0.0.1:9", steps=shopper)], Options(seed=1))
    assert 'shopper uses "lock", a lock, which cannot be sent to a worker' in str(caught.value)

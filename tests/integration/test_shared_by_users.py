"""What the users of a worker share is made before the load begins, and closed after it; errors of that are reported."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

import loadcore
from loadcore.errors import ScenarioRaised
from tests.integration.busy import exit_codes, reasons
from tests.integration.counting_target import Target, counting_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loadcore.results.open.run import Run

_SHARING = """
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from loadcore import Client, Scenario, arrival_rate, per_worker


@per_worker
async def shared() -> AsyncIterator[int]:
    {opening}
    yield 7
    {closing}


async def uses(c: Client) -> None:
    c.check(await shared() == 7, "shared")
    await c.get("/items")


shop = Scenario("shop", load=arrival_rate("20/s", duration="1s", max_users=5), steps=uses)
"""


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A target for all tests."""
    with counting_target() as listening:
        yield listening


def run(target: Target, folder: Path, opening: str = "pass", closing: str = "pass") -> Run:
    """A run of two workers whose users share something."""
    (folder / "shop.py").write_text(_SHARING.format(opening=opening, closing=closing), encoding="utf-8")
    return loadcore.run(str(folder / "shop.py"), base_url=target.url, out=folder / "run", workers=2)


def test_the_load_begins_when_all_is_made(target: Target, tmp_path: Path) -> None:
    """Nothing is due before, however long it takes."""
    marks = tmp_path / "marks"
    marks.mkdir()
    opening = f"await asyncio.sleep(1); Path({str(marks)!r}, str(time.time_ns())).touch()"
    made = run(target, tmp_path, opening)
    first = min(row["scheduled_at"] for row in made.requests.to_pylist())
    opened = [int(mark.name) / 1e9 for mark in marks.iterdir()]
    assert len(opened) == 2
    assert first > dt.datetime.fromtimestamp(max(opened), dt.UTC)
    checks = [(each["evaluated"], each["failed"]) for each in made.summary["checks"]]
    assert checks == [(made.requests.num_rows, 0)]


@pytest.mark.parametrize(
    ("raises", "kind"), [("raise LookupError('no database')", "LookupError"), ("sys.exit(3)", "SystemExit")]
)
def test_what_making_it_raises_is_an_error_of_the_file(target: Target, tmp_path: Path, raises: str, kind: str) -> None:
    """With its line; nothing is sent."""
    before = target.count().get("/items", 0)
    with pytest.raises(ScenarioRaised, match=f"worker 0, worker 1: {kind}") as caught:
        run(target, tmp_path, raises)
    assert caught.value.frames == (f"shop.py:13 in shared: {raises}",)
    assert target.count().get("/items", 0) == before


@pytest.mark.parametrize(("raises", "kind"), [("raise LookupError", "LookupError"), ("sys.exit(3)", "SystemExit")])
def test_what_closing_it_raises_is_an_exception_of_the_users(
    target: Target, tmp_path: Path, raises: str, kind: str
) -> None:
    """The run is whole, and no pass."""
    made = run(target, tmp_path, closing=raises)
    assert made.requests.num_rows == 20
    (exception,) = made.summary["user_code"]["exceptions"]
    assert (exception["kind"], exception["place"], exception["count"]) == (kind, "shop.py:15", 2)
    assert exit_codes(made) == [99]
    assert f"users raised {kind} at shop.py:15 (2 times)" in reasons(made)

"""Whose fault it is when an iteration does not reach its end."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import Client, IterationFailed
from tests.unit.scripting.fake import Fake, run

if TYPE_CHECKING:
    from loadcore.scenario.step import Script


async def _no_response(c: Client) -> None:
    (await c.get("/refused")).json()


async def _raised_by_hand(_: Client) -> None:
    raise IterationFailed("five times 412")


async def _unexpected(c: Client) -> None:
    (await c.get("/503")).raise_for_error()


async def _late(_: Client) -> None:
    async with asyncio.timeout(0):
        await asyncio.sleep(1)


async def _several(c: Client) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_raised_by_hand(c))
        tasks.create_task(_raised_by_hand(c))


@pytest.mark.parametrize("script", [_no_response, _raised_by_hand, _unexpected, _late, _several])
def test_what_ends_an_iteration_quietly(script: Script) -> None:
    """It is failed, and not an error of the script."""
    ended = run(script, Fake({"/refused": "connect_refused", "/503": (503, {}, {})}))
    assert (ended.how, ended.raised) == ("failed", None)


def test_an_exception_is_an_error_of_the_script() -> None:
    """With its type, its line and the user's own frames."""

    async def shopper(c: Client) -> None:
        found: Any = (await c.get("/a")).json()
        json.loads(found["missing"])

    ended = run(shopper, Fake())
    assert ended.raised is not None
    assert (ended.how, ended.raised.kind, ended.raised.message) == ("failed", "KeyError", "KeyError: 'missing'")
    line = shopper.__code__.co_firstlineno + 2
    assert ended.raised.at == f"test_iteration.py:{line}"
    assert ended.raised.frames[-1] == f'test_iteration.py:{line} in shopper: json.loads(found["missing"])'
    assert not ended.at_fault


def test_an_exception_after_a_fault_may_be_the_targets_doing() -> None:
    """A problem document has no `items`: that is not an error of the script alone."""

    async def shopper(c: Client) -> None:
        (await c.get("/503")).json()["items"]

    ended = run(shopper, Fake({"/503": (503, {}, {"title": "busy"})}))
    assert (ended.how, ended.at_fault) == ("failed", True)
    assert ended.raised is not None


def test_an_assert_is_a_failed_check() -> None:
    """Called by its source and line; a passed one cannot be seen."""
    fake = Fake({"/a": (200, {}, [1, 2])})

    async def shopper(c: Client) -> None:
        items = await c.get("/a")
        assert items.status == 200
        assert len(items.json()) == 20  # twenty a page

    ended = run(shopper, fake)
    line = shopper.__code__.co_firstlineno + 3
    assert (ended.how, ended.raised) == ("failed", None)
    assert fake.checked == [(f"len(items.json()) == 20 (test_iteration.py:{line})", False)]


def test_the_end_of_the_run_interrupts() -> None:
    """A cancelled user is neither failed nor wrong."""

    async def shopper(_: Client) -> None:
        raise asyncio.CancelledError

    assert run(shopper, Fake()).how == "interrupted"


def test_a_program_that_exits_is_an_error_of_the_script() -> None:
    """`sys.exit()` in a user does not end the worker."""

    async def shopper(_: Client) -> None:
        raise SystemExit(3)

    ended = run(shopper, Fake())
    assert ended.raised is not None
    assert ended.raised.message == "SystemExit: 3"


def test_a_request_that_is_not_awaited_is_given_up() -> None:
    """It is cancelled at the end of the iteration, and named."""
    fake = Fake()

    async def shopper(c: Client) -> None:
        c.get("/forgotten/{id}", 7)  # type: ignore[unused-coroutine]

    ended = run(shopper, fake)
    assert (ended.how, ended.unsent) == ("complete", ("GET /forgotten/{id}",))
    assert fake.made[0].cancelled()

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

    ended = run(shopper, Fake(), is_cut=True)
    assert (ended.how, ended.raised) == ("interrupted", None)


class _OfItsOwn(BaseException):
    """As `pytest.fail` and others raise it."""


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), _OfItsOwn("not so")]
)
def test_what_code_raises_by_itself_is_an_error_of_the_script(error: BaseException) -> None:
    """`sys.exit()` in a user ends no worker, and a cancellation that the engine has not asked for ends no user."""

    async def shopper(_: Client) -> None:
        raise error

    ended = run(shopper, Fake())
    assert ended.raised is not None
    assert (ended.how, ended.raised.kind) == ("failed", type(error).__name__)
    assert ended.raised.at == f"test_iteration.py:{shopper.__code__.co_firstlineno + 1}"


def test_an_error_that_python_puts_around_another_has_the_line_of_the_other() -> None:
    """A coroutine that raises StopIteration gives a RuntimeError that has no line of its own."""

    async def shopper(_: Client) -> None:
        next(iter(()))

    ended = run(shopper, Fake())
    assert ended.raised is not None
    assert (ended.raised.kind, ended.raised.at) == (
        "RuntimeError",
        f"test_iteration.py:{shopper.__code__.co_firstlineno + 1}",
    )


class _MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError


def test_an_exception_without_a_message_that_can_be_read() -> None:
    """One whose `__str__` raises is reported like others."""

    async def shopper(_: Client) -> None:
        raise _MuteError

    ended = run(shopper, Fake())
    assert ended.raised is not None
    assert ended.raised.message == "_MuteError: its message cannot be read: ValueError"


def test_a_variable_that_declared_steps_cannot_use_is_an_error_of_the_script() -> None:
    """The message names it, and says where else to keep it."""

    async def shopper(c: Client) -> None:
        c.variables["cart"] = object()

    ended = run(shopper, Fake())
    assert ended.raised is not None
    assert ended.raised.message == (
        'TypeError: c.variables["cart"] is an object that is not JSON: give a string or what json.dumps takes, '
        "and keep what only your code uses in c.state"
    )


def test_a_request_that_is_not_awaited_is_given_up() -> None:
    """It is cancelled at the end of the iteration, and named."""
    fake = Fake()

    async def shopper(c: Client) -> None:
        c.get("/forgotten/{id}", 7)  # type: ignore[unused-coroutine]

    ended = run(shopper, fake)
    assert (ended.how, ended.unsent) == ("complete", ("GET /forgotten/{id}",))
    assert fake.made[0].cancelled()

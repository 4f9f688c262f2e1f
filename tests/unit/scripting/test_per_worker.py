"""What all users of a worker share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from loadcore import env, per_worker
from loadcore.errors import ScenarioError
from loadcore.scripting.per_worker import PerWorker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def test_it_is_made_once_and_closed() -> None:
    """However many ask for it at once; what follows the yield runs when it is closed."""
    done = []

    @per_worker
    async def pool() -> AsyncIterator[list[str]]:
        done.append("made")
        await asyncio.sleep(0)
        yield done
        done.append("closed")

    async def users() -> None:
        assert isinstance(pool, PerWorker)
        found = await asyncio.gather(*(pool() for _ in range(3)))
        assert all(each is done for each in found)
        await pool.close()

    asyncio.run(users())
    assert done == ["made", "closed"]


def test_one_that_fails_tells_all() -> None:
    """Whoever asks gets the exception."""

    @per_worker
    async def broken() -> AsyncIterator[int]:
        raise LookupError("no database")
        yield 1

    async def users() -> list[object]:
        return [*await asyncio.gather(broken(), broken(), return_exceptions=True)]

    assert [type(each) for each in asyncio.run(users())] == [LookupError, LookupError]


def test_one_that_yields_nothing() -> None:
    """It says what to write."""

    @per_worker
    async def empty() -> AsyncIterator[int]:
        numbers: list[int] = []
        for number in numbers:
            yield number

    async def user() -> int:
        return await empty()

    with pytest.raises(RuntimeError, match="empty yields nothing: write yield and what users get"):
        asyncio.run(user())


def test_one_that_is_not_a_generator() -> None:
    """A function that returns cannot be closed."""

    async def plain() -> int:
        return 1

    with pytest.raises(TypeError, match="@per_worker takes an async generator, which yields once, not a function"):
        per_worker(plain)  # type: ignore[arg-type]


def test_a_secret_for_code_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read when it is asked for; one that is not set is named."""
    monkeypatch.setenv("SIGNING_KEY", "k")
    assert env("SIGNING_KEY").value == "k"
    monkeypatch.delenv("SIGNING_KEY")
    with pytest.raises(ScenarioError, match="the environment variable SIGNING_KEY is not set"):
        _ = env("SIGNING_KEY").value

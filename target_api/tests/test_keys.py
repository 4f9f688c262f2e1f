"""Signing keys and revocations, as one worker knows them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection

from loadcore_target.security.keys import KeyRing
from loadcore_target.security.tokens import InvalidTokenError, TokenService
from loadcore_target.settings import Settings
from loadcore_target.shared.control import ControlPage
from loadcore_target.store import tokens as rows
from loadcore_target.store.database import Database
from loadcore_target.store.open import open_database
from loadcore_target.store.seed import seed
from loadcore_target.store.tokens import load_keys

_LIFETIME_S = 100
SETTINGS = Settings(users=1, items=1, signing="RS256", access_token_s=_LIFETIME_S)


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    database = open_database(SETTINGS, None)
    await seed(database, SETTINGS)
    yield database
    await database.close()


def _service(database: Database, control: ControlPage) -> TokenService:
    return TokenService(SETTINGS, KeyRing(database, control, SETTINGS), database, control)


def test_a_replaced_key_outlives_what_it_signed_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replaced key verifies and is published as long as a token that it signed may live; then it is dropped."""
    now = time.time()

    async def use() -> None:
        async with _database() as database:
            ring = KeyRing(database, ControlPage(), SETTINGS)
            await ring.load()
            first = ring.signing()[0]
            second = await ring.rotate()
            assert ring.verifying(first)
            assert {key["kid"] for key in ring.public()["keys"]} == {first, second}

            monkeypatch.setattr("loadcore_target.security.keys.time.time", lambda: now + _LIFETIME_S + 600)
            assert ring.verifying(first) is None
            assert ring.verifying(second)
            assert {key["kid"] for key in ring.public()["keys"]} == {second}

            monkeypatch.setattr(
                "loadcore_target.security.keys.time.time_ns", lambda: int((now + _LIFETIME_S + 600) * 1e9)
            )
            third = await ring.rotate()
            assert [row["kid"] for row in await database.run(load_keys)] == [third, second]

    asyncio.run(use())


def test_a_revocation_costs_its_own_worker_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker that revokes knows what it revoked; another one reads once for all requests that wait."""
    read = _count(monkeypatch)

    async def use() -> None:
        async with _database() as database:
            control = ControlPage()
            revoking, other = _service(database, control), _service(database, control)
            await revoking.load()
            await other.load()
            token = await revoking.access_token("user-0000", "items:read", "", {})
            read.clear()
            await revoking.revoke(token, "")
            assert await _refused(revoking, token)
            assert read == []
            assert all(await asyncio.gather(*(_refused(other, token) for _ in range(5))))
            assert read == [1]

    asyncio.run(use())


def test_revocations_are_read_once_for_all_who_wait() -> None:
    """Requests that arrive while the revocations are being read wait for that reading."""
    started = 0

    async def use() -> None:
        async with _database() as database:
            control = ControlPage()
            revoking, other = _service(database, control), _service(database, control)
            await revoking.load()
            await other.load()
            token = await revoking.access_token("user-0000", "items:read", "", {})
            await revoking.revoke(token, "")
            inner = other._load_revoked

            async def slow() -> None:
                nonlocal started
                started += 1
                await asyncio.sleep(0.02)
                await inner()

            other._load_revoked = slow  # type: ignore[method-assign]
            assert all(await asyncio.gather(*(_refused(other, token) for _ in range(5))))

    asyncio.run(use())

    assert started == 1


async def _refused(service: TokenService, token: str) -> bool:
    try:
        await service.verify(token)
    except InvalidTokenError:
        return True
    return False


def _count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets an entry for each reading of the revocations."""
    read: list[int] = []
    original = rows.revoked_since

    def seen(connection: Connection, now: int) -> set[str]:
        read.append(1)
        return original(connection, now)

    monkeypatch.setattr("loadcore_target.security.tokens.revoked_since", seen)
    return read

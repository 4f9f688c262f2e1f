"""The parts that keep state: database pool, cache, hash queue."""

import asyncio
import statistics
import time
from pathlib import Path

import pytest

from target_api.cache import AnswerCache
from target_api.errors import ProblemError
from target_api.observe.metrics import Metrics
from target_api.security.passwords import HashQueueFullError, PasswordVerifier, make_hasher
from target_api.settings import HashParameters, Settings
from target_api.shared.control import ControlPage, Word
from target_api.store.database import Database
from target_api.store.seed import seed


def _value(metrics: Metrics, line: str) -> float:
    text = metrics.render([], draining=False).decode()
    (found,) = [row for row in text.splitlines() if row.startswith(f"{line} ")]
    return float(found.rpartition(" ")[2])


def test_an_exhausted_pool_is_an_answer(tmp_path: Path) -> None:
    """With all connections taken a request waits, is seen waiting, and fails with 503 when its time is over."""
    metrics = Metrics()
    settings = Settings(db_pool=2, db_pool_timeout_s=0.2)

    async def exhaust() -> ProblemError:
        database = Database(f"sqlite+aiosqlite:///{tmp_path / 'x.sqlite3'}", settings, metrics)
        try:
            async with database.begin(), database.begin():
                assert _value(metrics, "gateway_db_pool_in_use") == 2
                third = asyncio.ensure_future(_enter(database))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert _value(metrics, "gateway_db_pool_waiting") == 1
                with pytest.raises(ProblemError) as error:
                    await third
            assert _value(metrics, "gateway_db_pool_in_use") == 0
            await _enter(database)
            return error.value
        finally:
            await database.close()

    error = asyncio.run(exhaust())

    assert error.status_code == 503
    assert error.headers == {"Retry-After": "1"}
    assert _value(metrics, "gateway_db_pool_waiting") == 0


async def _enter(database: Database) -> None:
    async with database.begin():
        pass


def test_seeding_again_makes_nothing_and_another_cost_makes_all(tmp_path: Path) -> None:
    """A database is filled once; users whose hashes have another cost are made anew."""
    cheap = Settings(users=3, items=2)
    dearer = cheap.model_copy(update={"hash": HashParameters(time_cost=2, memory_kib=64)})
    more = cheap.model_copy(update={"users": 5})

    async def seeded(settings: Settings) -> int:
        database = Database(f"sqlite+aiosqlite:///{tmp_path / 'x.sqlite3'}", settings)
        try:
            return await seed(database, settings)
        finally:
            await database.close()

    assert [asyncio.run(seeded(settings)) for settings in (cheap, cheap, more, dearer)] == [3, 0, 2, 3]


def test_a_stampede_computes_once() -> None:
    """A hundred requests for the same missing answer share one computation; the metrics tell the difference."""
    metrics = Metrics()
    computed = 0

    async def compute() -> bytes:
        nonlocal computed
        computed += 1
        await asyncio.sleep(0.02)
        return b"answer"

    async def stampede() -> list[bytes]:
        cache = AnswerCache("mem://", 60, metrics, ControlPage())
        await cache.open()
        answers = await asyncio.gather(*(cache.get("key", compute) for _ in range(100)))
        answers.append(await cache.get("key", compute))
        await cache.close()
        return answers

    assert asyncio.run(stampede()) == [b"answer"] * 101
    assert computed == 1
    counts = [_value(metrics, f'gateway_cache_total{{result="{kind}"}}') for kind in ("miss", "shared", "hit")]
    assert counts == [1, 99, 1]


def test_one_impatient_client_does_not_spoil_the_answer() -> None:
    """Cancelling the request that computes leaves the answer to those who wait for it."""

    async def compute() -> bytes:
        await asyncio.sleep(0.02)
        return b"answer"

    async def cancel_first() -> bytes:
        cache = AnswerCache("mem://", 60, Metrics(), ControlPage())
        await cache.open()
        first = asyncio.ensure_future(cache.get("key", compute))
        second = asyncio.ensure_future(cache.get("key", compute))
        await asyncio.sleep(0)
        first.cancel()
        answer = await second
        await cache.close()
        return answer

    assert asyncio.run(cancel_first()) == b"answer"


def test_a_failed_computation_is_not_kept() -> None:
    """An error reaches everybody who waited, and the next request tries again."""
    calls = 0

    async def compute() -> bytes:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        if calls == 1:
            raise ProblemError(503, "not now")
        return b"answer"

    async def fail_then_succeed() -> tuple[list[object], bytes]:
        cache = AnswerCache("mem://", 60, Metrics(), ControlPage())
        await cache.open()
        failed = await asyncio.gather(*(cache.get("k", compute) for _ in range(3)), return_exceptions=True)
        answer = await cache.get("k", compute)
        await cache.close()
        return list(failed), answer

    failed, answer = asyncio.run(fail_then_succeed())

    assert [type(error) for error in failed] == [ProblemError] * 3
    assert answer == b"answer"


def test_a_flush_and_a_switched_off_cache() -> None:
    """Bumping the epoch makes every answer stale; a time to live of zero keeps nothing."""
    computed = 0

    async def compute() -> bytes:
        nonlocal computed
        computed += 1
        return b"x"

    async def use() -> list[int]:
        control = ControlPage()
        cache = AnswerCache("mem://", 60, Metrics(), control)
        off = AnswerCache("mem://", 0, Metrics(), control)
        seen = []
        for action in ("get", "get", "flush", "get", "off", "off"):
            if action == "flush":
                control.bump(Word.CACHE)
            else:
                await (off if action == "off" else cache).get("k", compute)
            seen.append(computed)
        return seen

    assert asyncio.run(use()) == [1, 1, 1, 2, 3, 4]


def test_the_hash_queue_is_bounded_and_seen() -> None:
    """More logins than threads wait; more than the queue holds are refused at once."""
    metrics = Metrics()
    parameters = HashParameters(time_cost=3, memory_kib=8192)
    right = make_hasher(parameters).hash("right")

    async def storm() -> list[object]:
        verifier = PasswordVerifier(parameters, 1, 2, metrics)
        logins = [asyncio.ensure_future(verifier.verify("right", right)) for _ in range(5)]
        await asyncio.sleep(0)
        assert _value(metrics, "gateway_hash_running") == 1
        assert _value(metrics, "gateway_hash_waiting") == 2
        results = await asyncio.gather(*logins, return_exceptions=True)
        verifier.close()
        return [type(result) if isinstance(result, Exception) else result for result in results]

    assert asyncio.run(storm()) == [True, True, True, HashQueueFullError, HashQueueFullError]
    assert _value(metrics, "gateway_hash_waiting") == 0


def test_an_unknown_user_costs_as_much_as_a_known_one() -> None:
    """The time of a refusal does not tell whether the user exists."""
    parameters = HashParameters(time_cost=2, memory_kib=4096)
    known = make_hasher(parameters).hash("right")

    async def times(password_hash: str | None) -> float:
        verifier = PasswordVerifier(parameters, 1, 10, Metrics())
        took = []
        for _ in range(15):
            before = time.perf_counter()
            assert not await verifier.verify("wrong", password_hash)
            took.append(time.perf_counter() - before)
        verifier.close()
        return statistics.median(took)

    assert asyncio.run(times(None)) == pytest.approx(asyncio.run(times(known)), rel=0.5)

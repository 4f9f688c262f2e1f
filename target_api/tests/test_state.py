"""The parts that keep state: seeded rows, cache, hash queue."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.dependencies.utils import get_dependant

from loadcore_target.app import create_app
from loadcore_target.cache import AnswerCache
from loadcore_target.errors import ProblemError
from loadcore_target.observe.metrics import Metrics
from loadcore_target.security.passwords import HashQueueFullError, PasswordVerifier, make_hasher
from loadcore_target.settings import HashParameters, Settings
from loadcore_target.shared.control import ControlPage, Word
from loadcore_target.store.open import open_database
from loadcore_target.store.seed import seed
from loadcore_target.store.sqlite import SqliteDatabase
from loadcore_target.tests.in_process import ask


def _value(metrics: Metrics, line: str) -> float:
    text = metrics.render([], draining=False).decode()
    (found,) = [row for row in text.splitlines() if row.startswith(f"{line} ")]
    return float(found.rpartition(" ")[2])


def test_seeding_again_makes_nothing_and_another_cost_makes_all(tmp_path: Path) -> None:
    """A database is filled once; users whose hashes have another cost are made again."""
    cheap = Settings(users=3, items=2)
    dearer = cheap.model_copy(update={"hash": HashParameters(time_cost=2, memory_kib=64)})
    more = cheap.model_copy(update={"users": 5})

    async def seeded(settings: Settings) -> int:
        database = open_database(settings, tmp_path)
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


@pytest.mark.parametrize(("failures", "failed"), [(1, 1), (2, 5)])
def test_a_failed_computation_is_not_kept(failures: int, failed: int) -> None:
    """One failure is of the request that began it, the others share one more try; a second failure is shared by all."""
    calls = 0

    async def compute() -> bytes:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        if calls <= failures:
            raise ProblemError(503, "not now")
        return b"answer"

    async def fail_then_succeed() -> tuple[list[object], bytes]:
        cache = AnswerCache("mem://", 60, Metrics(), ControlPage())
        await cache.open()
        answers = await asyncio.gather(*(cache.get("k", compute) for _ in range(5)), return_exceptions=True)
        answer = await cache.get("k", compute)
        await cache.close()
        return list(answers), answer

    answers, answer = asyncio.run(fail_then_succeed())

    assert [type(error) for error in answers] == [ProblemError] * failed + [bytes] * (5 - failed)
    assert answer == b"answer"
    assert calls == 1 + failures


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
        await cache.open()
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


def test_a_cheap_hash_needs_neither_thread_nor_queue() -> None:
    """The demo's hash is computed at once, so that any number of logins is answered in the order they came."""
    settings = Settings()
    right = make_hasher(settings.hash_parameters).hash("right")
    before = set(threading.enumerate())

    async def storm() -> list[bool]:
        verifier = PasswordVerifier(settings.hash_parameters, settings.hash_concurrency, 1, Metrics())
        answers = await asyncio.gather(
            *(verifier.verify(given, right) for given in ("right", "wrong", "right")), verifier.verify("right", None)
        )
        verifier.close()
        return list(answers)

    assert asyncio.run(storm()) == [True, False, True, False]
    assert set(threading.enumerate()) == before


def test_threads_are_for_hashes_that_take_long() -> None:
    """Real parameters have the cores' threads, the demo's none, and a number that was set is obeyed."""
    realistic = HashParameters()

    assert Settings().hash_concurrency == 0
    assert Settings(hash=realistic).hash_concurrency >= 1
    assert Settings(hash_threads=3).hash_concurrency == 3


def test_an_unknown_user_costs_as_much_as_a_known_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A refusal asks the database once and computes one hash of the same cost, whether or not the user exists."""
    settings = Settings(users=1, items=1, data_dir=tmp_path)
    done: Counter[str] = Counter()

    def counted(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **more: object) -> object:
            done[name] += 1
            return function(*arguments, **more)

        return call

    hashed: list[str] = []
    check = PasswordVerifier._verify

    def seen(verifier: PasswordVerifier, given: str, expected: str) -> bool:
        hashed.append(expected.rpartition("$")[0].rpartition("$")[0])  # all but salt and digest
        return check(verifier, given, expected)

    monkeypatch.setattr(PasswordVerifier, "_verify", seen)
    monkeypatch.setattr(SqliteDatabase, "run", counted("transactions", SqliteDatabase.run))

    async def refuse() -> list[int]:
        app = create_app(settings)
        transactions = []
        async with app.router.lifespan_context(app):
            for name in ("user-0000", "user-0000", "nobody"):
                done.clear()
                form = {"grant_type": "password", "username": name, "password": "wrong"}
                assert (await ask(app, "POST", "/auth/token", form)).status == 400
                transactions.append(done["transactions"])
        return transactions

    assert asyncio.run(refuse()) == [1, 1, 1]
    assert len(hashed) == 3
    assert len(set(hashed)) == 1


def test_an_application_can_be_started_again() -> None:
    """Each lifespan opens what the one before it closed, in whichever event loop; the counters continue."""
    app = create_app(Settings(users=1, items=1))

    async def live() -> list[int]:
        async with app.router.lifespan_context(app):
            form = {"grant_type": "password", "username": "user-0000", "password": "password-0000"}
            login = await ask(app, "POST", "/auth/token", form)
            items = await ask(app, "GET", "/items/1", token=login.json["access_token"])
            return [login.status, items.status]

    assert [asyncio.run(live()) for _ in range(2)] == [[200, 200]] * 2
    assert app.state.services.truth_book.received()["POST /auth/token"] == 2


def test_no_router_is_made_for_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """What FastAPI makes of a route when its router is first asked is made before the gateway is ready."""
    made: list[str] = []

    def seen(**how: Any) -> object:
        made.append(how["path"])
        return get_dependant(**how)

    app = create_app(Settings(users=1, items=1))

    async def live() -> tuple[int, int]:
        monkeypatch.setattr("fastapi.routing.get_dependant", seen)
        async with app.router.lifespan_context(app):
            before = len(made)
            for path in ("/health", "/items", "/users/me", "/orders/0", "/auth/token", "/proxy/x/y"):
                await ask(app, "GET", path)
            return before, len(made)

    before, after = asyncio.run(live())

    assert before == after > 0
    received = app.state.services.truth_book.received()
    assert sum(received.values()) == 6  # nothing but what was asked here

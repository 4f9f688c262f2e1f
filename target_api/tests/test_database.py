"""The database of a worker: who waits, for how long, in which order; and what a client learns."""

import asyncio
import contextlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from loadcore_target.errors import ProblemError
from loadcore_target.observe.metrics import Metrics
from loadcore_target.settings import Settings
from loadcore_target.store.database import Database
from loadcore_target.store.items import find_item
from loadcore_target.store.open import open_database
from loadcore_target.store.orders import NewOrder, create_order, find_order
from loadcore_target.store.seed import seed
from loadcore_target.tests.running import RunningGateway, free_port, wait_until


def _value(metrics: Metrics, name: str) -> float:
    rows = metrics.render([], draining=False).decode().splitlines()
    return next(float(row.rpartition(" ")[2]) for row in rows if row.startswith(f"{name} "))


def _order(key: str) -> NewOrder:
    return NewOrder("user-0000", 1, 1, key, "fingerprint")


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[sqlite3.Connection]:
    """Another program has begun to write to the file and is in no hurry."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


def test_a_locked_file_refuses_writers_in_time_and_stops_nobody_else(tmp_path: Path) -> None:
    """While another program holds the lock, rows are read at once and the loop turns; a write gets 503 and is gone."""
    metrics = Metrics()

    async def use() -> ProblemError:
        database = await _seeded(Settings(users=1, items=1, db_busy_timeout_s=2), tmp_path, metrics)
        with _locked(tmp_path / "gateway.sqlite3"):
            write = asyncio.ensure_future(database.run(create_order, _order("a")))
            await asyncio.sleep(0)
            assert _value(metrics, "gateway_db_pool_waiting") == 1
            assert await database.run(find_item, 1) is not None
            assert not write.done()
            with pytest.raises(ProblemError) as refused:
                await write
        assert _value(metrics, "gateway_db_pool_waiting") == 0
        made = await database.run(create_order, _order("a"))
        assert made is not None
        assert made[1]  # the refused one has left no order
        await database.close()
        return refused.value

    error = asyncio.run(use())

    assert error.status_code == 503
    assert error.headers == {"Retry-After": "1"}
    assert "locked for 2 s" in error.detail


def test_waiting_writers_are_served_in_the_order_they_came(tmp_path: Path) -> None:
    """When the lock is given back, writes happen in the order in which they were asked for, each once."""
    served: list[int] = []

    def write(connection: Connection, number: int) -> None:
        create_order(connection, _order(str(number)))
        served.append(number)

    async def use() -> None:
        database = await _seeded(Settings(users=1, items=1), tmp_path)
        with _locked(tmp_path / "gateway.sqlite3") as other:
            writes = [asyncio.ensure_future(database.run(write, number)) for number in range(20)]
            await asyncio.sleep(0.05)
            assert served == []
            other.execute("ROLLBACK")
            await asyncio.gather(*writes)
        await database.close()

    asyncio.run(use())

    assert served == list(range(20))


def test_what_fails_within_a_transaction_is_rolled_back(tmp_path: Path) -> None:
    """An exception of the work reaches its caller, and what it had written is not there."""

    def fail(connection: Connection) -> None:
        create_order(connection, _order("a"))
        raise LookupError("not this time")

    async def use() -> bool:
        database = await _seeded(Settings(users=1, items=1), tmp_path)
        with pytest.raises(LookupError):
            await database.run(fail)
        made = await database.run(create_order, _order("a"))
        await database.close()
        return made is not None and made[1]

    assert asyncio.run(use())


def test_a_gateway_without_a_folder_keeps_its_data_in_memory() -> None:
    """A database in memory is one for the whole life of the gateway, and another gateway has another."""

    async def use() -> tuple[object, object]:
        settings = Settings(users=1, items=1)
        first, second = await _seeded(settings, None), await _seeded(settings, None)
        made = await first.run(create_order, _order("a"))
        assert made is not None
        name = (made[0]["username"], made[0]["id"])
        found = (await first.run(find_order, *name), await second.run(find_order, *name))
        await first.close()
        await second.close()
        return found

    mine, other = asyncio.run(use())

    assert mine is not None
    assert other is None


def test_a_locked_file_is_never_an_internal_error(tmp_path: Path) -> None:
    """While the file is locked orders and refreshes are 503 with `Retry-After` and all else is served."""
    patience = {"GATEWAY_DB_BUSY_TIMEOUT_S": "0.5"}
    with RunningGateway("--users", "3", "--data-dir", str(tmp_path), environment=patience) as gateway:
        tokens = gateway.log_in(0)
        token = tokens["access_token"]
        renewal = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        with _locked(tmp_path / "gateway.sqlite3"):
            refused = [
                gateway.ask("POST", "/orders", {"item_id": 1}, {"Idempotency-Key": "k"}, token),
                gateway.form("/auth/token", **renewal),
            ]
            assert gateway.log_in(1)  # reads a user
            assert gateway.ask("GET", "/items/3", token=token).status == 200
        assert [answer.status for answer in refused] == [503, 503]
        assert [answer.headers["retry-after"] for answer in refused] == ["1", "1"]
        order = gateway.ask("POST", "/orders", {"item_id": 1}, {"Idempotency-Key": "k"}, token)
        assert order.status == 201
        assert "idempotency-replayed" not in order.headers
        # A client that has to retry finds its refresh token unused.
        assert gateway.form("/auth/token", **renewal).status == 200


def test_workers_write_to_one_file_without_refusing(tmp_path: Path) -> None:
    """Orders of twenty clients at the same time are all made, by three workers that share the file."""
    statuses: list[int] = []
    with RunningGateway("--workers", "3", "--users", "1", "--data-dir", str(tmp_path)) as gateway:
        token = gateway.log_in(0)["access_token"]

        def order() -> None:
            with contextlib.closing(gateway.connect()) as connection:
                answers = [
                    gateway.ask("POST", "/orders", {"item_id": 1}, token=token, connection=connection)
                    for _ in range(10)
                ]
            statuses.extend(answer.status for answer in answers)

        clients = [threading.Thread(target=order) for _ in range(20)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert len(gateway.truth()["workers"]) > 1
    assert Counter(statuses) == {201: 200}


def test_replicas_that_share_a_file_follow_each_other(tmp_path: Path) -> None:
    """A token revoked at one replica is refused by the other soon, also where the database they share is a file."""
    environment = {
        "GATEWAY_DATABASE_URL": f"sqlite:///{tmp_path / 'shared.sqlite3'}",
        "GATEWAY_SECRET": "s" * 40,
        "GATEWAY_CLIENTS": '{"c": {"secret": "x"}}',
    }
    with (
        RunningGateway("--users", "1", "--items", "1", environment=environment) as first,
        RunningGateway("--users", "1", "--items", "1", environment=environment) as second,
    ):
        token = first.log_in(0)["access_token"]
        assert second.ask("GET", "/users/me", token=token).status == 200
        assert first.form("/auth/revoke", token=token).status == 200
        wait_until(lambda: second.ask("GET", "/users/me", token=token).status == 401, "the revocation reaches it")


def test_an_exhausted_pool_is_an_answer(postgres: str) -> None:
    """With all connections taken a request waits, is seen waiting, and fails with 503 when its time is over."""
    metrics = Metrics()
    settings = Settings(database_url=postgres, db_pool=2, db_pool_timeout_s=0.2)

    async def exhaust() -> ProblemError:
        database = open_database(settings, None, metrics)
        busy = [asyncio.ensure_future(database.run(_sleep, 4)) for _ in range(2)]
        await asyncio.sleep(0)
        third = asyncio.ensure_future(database.run(_sleep, 0))
        await asyncio.sleep(0)
        assert _value(metrics, "gateway_db_pool_in_use") == 2
        assert _value(metrics, "gateway_db_pool_waiting") == 1
        with pytest.raises(ProblemError) as error:
            await third
        assert not any(task.done() for task in busy)
        await asyncio.gather(*busy)
        assert _value(metrics, "gateway_db_pool_in_use") == 0
        await database.run(_sleep, 0)
        await database.close()
        return error.value

    error = asyncio.run(exhaust())

    assert error.status_code == 503
    assert error.headers == {"Retry-After": "1"}
    assert _value(metrics, "gateway_db_pool_waiting") == 0


def test_a_pool_serves_in_the_order_of_asking(postgres: str) -> None:
    """A request that arrives in the turn of the loop in which a connection comes back overtakes no waiting request."""
    served: list[int] = []

    def serve(connection: Connection, number: int) -> None:
        served.append(number)
        _sleep(connection, 0)

    async def arrive() -> None:
        database = open_database(Settings(database_url=postgres, db_pool=1), None)
        await database.run(_sleep, 0)  # opens the connection
        requests: list[asyncio.Future[None]] = []
        while len(requests) < 300 or not served:  # some arrive while others are served
            requests.append(asyncio.ensure_future(database.run(serve, len(requests))))
            await asyncio.sleep(0)
        assert len(served) < len(requests)
        await asyncio.gather(*requests)
        await database.close()
        assert len(served) == len(requests)

    asyncio.run(arrive())

    assert served == sorted(served)


def test_a_database_that_is_gone_is_503(postgres: str) -> None:
    """A connection that the server closed, and a server that does not listen, are answers and not internal errors."""

    async def use(url: str, work: str) -> ProblemError:
        database = open_database(Settings(database_url=url), None)
        try:
            with pytest.raises(ProblemError) as error:
                await database.run(_execute, work)
            return error.value
        finally:
            await database.close()

    own = "SELECT pg_terminate_backend(pg_backend_pid())"
    nobody = f"postgresql+asyncpg://gateway@127.0.0.1:{free_port()}/postgres"

    for error in (asyncio.run(use(postgres, own)), asyncio.run(use(nobody, "SELECT 1"))):
        assert error.status_code == 503
        assert error.headers == {"Retry-After": "1"}


@pytest.mark.parametrize("url", ["mysql://localhost/x", "sqlite+aiosqlite:///x", "gateway.sqlite3"])
def test_an_unknown_database_is_refused(url: str) -> None:
    """A URL of a database that the gateway does not know is refused with those that it knows."""
    with pytest.raises(ValueError, match="not one of sqlite:///, postgresql://"):
        Settings(database_url=url)


def _sleep(connection: Connection, seconds: float) -> None:
    connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


def _execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


async def _seeded(settings: Settings, folder: Path | None, metrics: Metrics | None = None) -> Database:
    database = open_database(settings, folder, metrics)
    await seed(database, settings)
    return database

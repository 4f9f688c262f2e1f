"""PostgreSQL: a pool of connections, and a queue before it in which the first to come is the first served."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from loadcore_target.observe.metrics import Metrics
from loadcore_target.settings import Settings
from loadcore_target.store.database import Arguments, Database, Result, Timings, note, unavailable


class PostgresDatabase(Database):
    """Connections from a pool of fixed size.

    A request waits `db_pool_timeout_s` for a connection and then fails with 503, so an exhausted pool is an answer and
    not a hanging client.

    Args:
        url: `postgresql+asyncpg://…`, or `postgresql://…` for the same.
        settings: Size of the pool and how long a connection is waited for.
        metrics: Where the use of the pool is shown.
    """

    def __init__(self, url: str, settings: Settings, metrics: Metrics | None = None) -> None:
        super().__init__(metrics, shared=True)
        self._patience_s = settings.db_pool_timeout_s
        driver, _, place = url.partition("://")
        self._engine = create_async_engine(
            f"{driver if '+' in driver else 'postgresql+asyncpg'}://{place}",
            pool_size=settings.db_pool,
            max_overflow=0,
        )
        # The pool itself is unfair: who comes while a connection is free takes it, and the waiter whom it was for
        # queues again at the end. With as many turns as connections, no request ever waits there.
        self._turns = asyncio.Semaphore(settings.db_pool)

    async def run(
        self, work: Callable[[Connection, *Arguments], Result], *arguments: *Arguments, timings: Timings | None = None
    ) -> Result:
        """As of `Database`."""
        asked = time.perf_counter()
        async with self._turn():
            begun = time.perf_counter()
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(work, *arguments)
            except (OSError, InterfaceError, OperationalError) as error:
                raise unavailable("the database cannot be reached") from error
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise unavailable("the database has closed the connection") from None
                raise
            finally:
                note(timings, asked, begun)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._turns.locked():
            with self._seen_waiting():
                try:
                    async with asyncio.timeout(self._patience_s):
                        await self._turns.acquire()
                except TimeoutError:
                    detail = f"no database connection became free within {self._patience_s:g} s"
                    raise unavailable(detail) from None
        else:
            await self._turns.acquire()
        if self._metrics:
            self._metrics.db_in_use.inc()
        try:
            yield
        finally:
            if self._metrics:
                self._metrics.db_in_use.dec()
            self._turns.release()

    async def close(self) -> None:
        """As of `Database`."""
        await self._engine.dispose()

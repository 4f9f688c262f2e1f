"""The database of one worker: an engine with a bounded pool whose waiting is visible."""

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from target_api.errors import ProblemError
from target_api.observe.metrics import Metrics
from target_api.settings import Settings

_SQLITE_FILE = "gateway.sqlite3"


def database_url(settings: Settings, data_dir: Path) -> str:
    """The database to use: the configured URL, or a SQLite file in the data folder."""
    return settings.database_url or f"sqlite+aiosqlite:///{data_dir / _SQLITE_FILE}"


class Database:
    """Connections from a pool of fixed size.

    A request waits `db_pool_timeout_s` for a connection and then fails with 503, so an exhausted pool is an answer and
    not a hanging client.

    Args:
        url: SQLAlchemy URL, `sqlite+aiosqlite://…` or `postgresql+asyncpg://…`.
        settings: Pool size and time-outs.
        metrics: Where the use of the pool is shown.
    """

    def __init__(self, url: str, settings: Settings, metrics: Metrics | None = None) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._metrics = metrics
        self._timeout_s = settings.db_pool_timeout_s
        connect: dict[str, Any] = {"timeout": settings.db_busy_timeout_s} if self.is_sqlite else {}
        self.engine = create_async_engine(
            url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=settings.db_pool,
            max_overflow=0,
            pool_timeout=settings.db_pool_timeout_s,
            connect_args=connect,
        )
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)

    @contextlib.asynccontextmanager
    async def begin(self, timings: list[tuple[str, float]] | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed on leaving without an exception.

        Args:
            timings: Gets `db`, the time held, and `pool`, the time waited for a connection.

        Raises:
            ProblemError: 503, when no connection became free in time.
        """
        before = time.perf_counter()
        connection = await self._connect()
        begun = time.perf_counter()
        try:
            async with connection.begin():
                yield connection
        finally:
            await connection.close()
            if self._metrics:
                self._metrics.db_in_use.dec()
            if timings is not None:
                timings.append(("pool", begun - before))
                timings.append(("db", time.perf_counter() - begun))

    async def _connect(self) -> AsyncConnection:
        waiting = self._metrics.db_waiting if self._metrics else None
        if waiting:
            waiting.inc()
        try:
            connection = await self.engine.connect()
        except PoolTimeoutError:
            raise ProblemError(
                503, f"no database connection became free within {self._timeout_s:g} s", {"Retry-After": "1"}
            ) from None
        finally:
            if waiting:
                waiting.dec()
        if self._metrics:
            self._metrics.db_in_use.inc()
        return connection

    async def close(self) -> None:
        """Closes all connections."""
        await self.engine.dispose()


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    """Several workers read while one writes: that needs the write-ahead log."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()

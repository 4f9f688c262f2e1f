"""SQLite within the event loop: a transaction takes one turn, so one connection serves a whole worker.

A row by its key takes some ten microseconds. Handing the call to a thread and back takes longer, and on a busy machine
each hand-over waits for a turn of the loop and for the interpreter lock.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable

from sqlalchemy import Connection, StaticPool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError

from loadcore_target.observe.metrics import Metrics
from loadcore_target.settings import Settings
from loadcore_target.store.database import Arguments, Database, Result, Timings, note, unavailable

_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_PRIMARY_CODE = 0xFF
_LOOK_AGAIN_S = 0.002
"""A writer holds the lock of the file for about a millisecond."""


class SqliteDatabase(Database):
    """One connection, used within single turns of the event loop.

    With the write-ahead log readers never wait. A writer that finds the file locked, by another worker or another
    program, lets the loop continue and looks again: first come, first served, and 503 after `db_busy_timeout_s`.

    Args:
        url: `sqlite:///FILE`, or `sqlite://` for a database in memory.
        settings: How long a locked file is waited for.
        metrics: Where waiting is shown.
    """

    def __init__(self, url: str, settings: Settings, metrics: Metrics | None = None) -> None:
        super().__init__(metrics, shared=bool(settings.database_url))
        self._patience_s = settings.db_busy_timeout_s
        # No timeout within SQLite: it would sleep in the event loop.
        self._engine = create_engine(url, poolclass=StaticPool, connect_args={"timeout": 0})
        event.listen(self._engine, "connect", _prepare)
        self._turns = asyncio.Lock()

    async def run(
        self, work: Callable[[Connection, *Arguments], Result], *arguments: *Arguments, timings: Timings | None = None
    ) -> Result:
        """As of `Database`."""
        asked = begun = time.perf_counter()
        try:
            try:
                return self._transact(work, *arguments)
            except (DBAPIError, sqlite3.Error) as error:
                _raise_unless_locked(error)
            with self._seen_waiting():
                try:
                    async with asyncio.timeout(self._patience_s), self._turns:
                        while True:
                            begun = time.perf_counter()
                            try:
                                return self._transact(work, *arguments)
                            except (DBAPIError, sqlite3.Error) as error:
                                _raise_unless_locked(error)
                            await asyncio.sleep(_LOOK_AGAIN_S)
                except TimeoutError:
                    raise unavailable(f"the database was locked for {self._patience_s:g} s") from None
        finally:
            note(timings, asked, begun)

    def _transact(self, work: Callable[[Connection, *Arguments], Result], *arguments: *Arguments) -> Result:
        with self._engine.begin() as connection:
            return work(connection, *arguments)

    async def close(self) -> None:
        """As of `Database`."""
        self._engine.dispose()


def _prepare(connection: DBAPIConnection, _record: object) -> None:
    """Others read while one writes: that needs the write-ahead log."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _raise_unless_locked(error: DBAPIError | sqlite3.Error) -> None:
    # Preparing a connection raises the error of the driver itself.
    cause = error.orig if isinstance(error, DBAPIError) else error
    if getattr(cause, "sqlite_errorcode", 0) & _PRIMARY_CODE not in _LOCKED:
        raise error

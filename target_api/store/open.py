"""Which database a gateway uses."""

from pathlib import Path

from loadcore_target.observe.metrics import Metrics
from loadcore_target.settings import Settings
from loadcore_target.store.database import Database
from loadcore_target.store.sqlite import SqliteDatabase

_SQLITE_FILE = "gateway.sqlite3"


def open_database(settings: Settings, data_dir: Path | None, metrics: Metrics | None = None) -> Database:
    """The database that the settings name: by URL, else a SQLite file in the data folder, else SQLite in memory."""
    url = settings.database_url
    if url.startswith("postgresql"):
        from loadcore_target.store.postgres import PostgresDatabase  # noqa: PLC0415 - its driver is an extra

        return PostgresDatabase(url, settings, metrics)
    own = f"sqlite:///{data_dir / _SQLITE_FILE}" if data_dir else "sqlite://"
    return SqliteDatabase(url or own, settings, metrics)

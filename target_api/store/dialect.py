"""Inserts that do not fail on a conflict, for the database at hand."""

from typing import TYPE_CHECKING

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_into(dialect: str, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An insert with `on_conflict_do_nothing` and `on_conflict_do_update`, spelt alike by both databases.

    Args:
        dialect: Name of the database, `connection.dialect.name`.
        table: The table.
    """
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - the embedded database needs none of what it loads

    return postgresql.insert(table)

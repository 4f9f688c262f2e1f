"""Fills a database with users whose passwords are known and with items to list."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text

from loadcore_target.security.keys import ensure_key
from loadcore_target.security.passwords import make_hasher
from loadcore_target.settings import HashParameters, Settings
from loadcore_target.store.database import Database
from loadcore_target.store.known_users import password, username
from loadcore_target.store.schema import items, meta, metadata, users
from loadcore_target.store.tokens import forget_expired

USER_SCOPES = "items:read orders:write"
_BATCH = 500
_SEED_LOCK = 0x6C6F6164
_WORDS = ("amber", "birch", "copper", "dune", "ember", "fjord", "grove", "heather", "indigo", "juniper")


async def seed(database: Database, settings: Settings) -> int:
    """Makes the tables and fills what is missing; users with another hash cost are made again.

    Returns:
        How many users were made now.
    """
    return await database.run(_fill, settings)


def _fill(connection: Connection, settings: Settings) -> int:
    # Replicas that start together would otherwise make the same rows.
    if connection.dialect.name == "sqlite":
        connection.execute(text("BEGIN IMMEDIATE"))
    else:
        connection.execute(select(func.pg_advisory_xact_lock(_SEED_LOCK)))
    metadata.create_all(connection)
    forget_expired(connection, int(time.time()))
    ensure_key(connection, settings)
    _seed_items(connection, settings.items)
    return _seed_users(connection, settings.users, settings.hash_parameters)


def _seed_items(connection: Connection, count: int) -> None:
    present = connection.execute(select(func.count()).select_from(items)).scalar_one()
    rows = [_item(number) for number in range(present + 1, count + 1)]
    for start in range(0, len(rows), _BATCH):
        connection.execute(insert(items), rows[start : start + _BATCH])


def _item(number: int) -> dict[str, Any]:
    """Item number `number`: made from its number alone, so that every gateway has the same ones."""
    digest = hashlib.blake2b(str(number).encode(), digest_size=8).digest()
    first, second = _WORDS[digest[0] % len(_WORDS)], _WORDS[digest[1] % len(_WORDS)]
    return {
        "id": number,
        "sku": f"SKU-{number:06d}",
        "name": f"{first} {second} {number}",
        "price_cents": 100 + int.from_bytes(digest[2:4], "big"),
        "stock": int.from_bytes(digest[4:6], "big"),
    }


def _seed_users(connection: Connection, count: int, parameters: HashParameters) -> int:
    stored = connection.execute(select(meta.c.value).where(meta.c.key == "hash")).scalar_one_or_none()
    if stored != parameters.label:
        connection.execute(delete(users))
        connection.execute(delete(meta).where(meta.c.key == "hash"))
        connection.execute(insert(meta).values(key="hash", value=parameters.label))
    present = connection.execute(select(func.count()).select_from(users)).scalar_one()
    for start in range(present, count, _BATCH):
        indices = range(start, min(start + _BATCH, count))
        connection.execute(insert(users), _users(indices, parameters))
    return max(0, count - present)


def _users(indices: range, parameters: HashParameters) -> list[dict[str, Any]]:
    hasher = make_hasher(parameters)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # argon2 computes without the interpreter lock
        hashes = list(pool.map(lambda index: hasher.hash(password(index)), indices))
    return [
        {
            "id": index + 1,
            "username": username(index),
            "full_name": f"User {index}",
            "email": f"{username(index)}@example.test",
            "scopes": USER_SCOPES,
            "password_hash": password_hash,
        }
        for index, password_hash in zip(indices, hashes, strict=True)
    ]

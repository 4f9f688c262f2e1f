"""State of tokens that outlives a request: refresh families, revoked access tokens, signing keys."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from target_api.store.dialect import insert_into
from target_api.store.schema import revoked_tokens, signing_keys, token_families


async def advance_family(connection: AsyncConnection, family: str, used: int, expires_at: int) -> bool:
    """Uses generation `used` of a refresh family up.

    A family without a row is at generation 0: a login writes nothing. One statement decides, so of two requests with
    the same token one wins, whichever worker they reach.

    Returns:
        Whether the generation was the current one of a family that is not revoked.
    """
    if used == 0:
        # Only generation 0 may make the row; a later one needs the row that its predecessor left.
        values: dict[str, Any] = {"family": family, "generation": 1, "revoked": 0, "expires_at": expires_at}
        first = insert_into(connection, token_families).values(values)
        statement = first.on_conflict_do_nothing(index_elements=["family"])
        return (await connection.execute(statement)).rowcount == 1
    same = token_families.c.family == family
    current = (token_families.c.generation == used) & (token_families.c.revoked == 0)
    change = {"generation": used + 1, "expires_at": expires_at}
    return (await connection.execute(update(token_families).where(same & current).values(change))).rowcount == 1


async def revoke_family(connection: AsyncConnection, family: str, expires_at: int) -> None:
    """Makes every refresh token of a family worthless, also when the family has no row yet."""
    values: dict[str, Any] = {"family": family, "generation": 0, "revoked": 1, "expires_at": expires_at}
    insert_row = insert_into(connection, token_families).values(values)
    await connection.execute(insert_row.on_conflict_do_update(index_elements=["family"], set_={"revoked": 1}))


async def family_state(connection: AsyncConnection, family: str) -> tuple[int, bool]:
    """Current generation of a family and whether it is revoked."""
    columns = (token_families.c.generation, token_families.c.revoked)
    row = (await connection.execute(select(*columns).where(token_families.c.family == family))).one_or_none()
    return (0, False) if row is None else (row.generation, bool(row.revoked))


async def revoke_token(connection: AsyncConnection, jti: str, expires_at: int) -> None:
    """Remembers an access token as revoked until it would have expired."""
    values: dict[str, Any] = {"jti": jti, "expires_at": expires_at}
    await connection.execute(
        insert_into(connection, revoked_tokens).values(values).on_conflict_do_nothing(index_elements=["jti"])
    )


async def revoked_since(connection: AsyncConnection, now: int) -> set[str]:
    """Identifiers of the revoked access tokens that have not expired."""
    query = select(revoked_tokens.c.jti).where(revoked_tokens.c.expires_at >= now)
    return set((await connection.execute(query)).scalars())


async def forget_expired(connection: AsyncConnection, now: int) -> None:
    """Removes rows about tokens that have expired anyway."""
    await connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at < now))
    await connection.execute(delete(token_families).where(token_families.c.expires_at < now))


async def load_keys(connection: AsyncConnection) -> Sequence[RowMapping]:
    """All signing keys, newest first."""
    return (await connection.execute(select(signing_keys).order_by(signing_keys.c.created_at.desc()))).mappings().all()


async def add_key(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Adds a signing key; the keys before it stay for verifying only."""
    await connection.execute(update(signing_keys).values(state="retired"))
    await connection.execute(insert(signing_keys).values(row))


async def drop_retired_keys(connection: AsyncConnection) -> int:
    """Removes the keys that only verify; tokens signed with them become invalid. How many there were."""
    return (await connection.execute(delete(signing_keys).where(signing_keys.c.state == "retired"))).rowcount

"""State of tokens that outlives a request: refresh families, revoked access tokens, signing keys."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, exists, insert, select, update

from loadcore_target.store.dialect import insert_into
from loadcore_target.store.schema import revoked_tokens, signing_keys, token_families


def use_generation(connection: Connection, family: str, used: int, expires_at: int) -> bool:
    """Uses generation `used` of a refresh family up; when that is not the current one, revokes the whole family.

    A family without a row is at generation 0: a login writes nothing. One statement decides, so of two requests with
    the same token one wins, whichever worker they reach.

    Returns:
        Whether the generation was the current one of a family that is not revoked.
    """
    fresh = _advance(connection, family, used, expires_at)
    if not fresh:
        revoke_family(connection, family, expires_at)
    return fresh


def _advance(connection: Connection, family: str, used: int, expires_at: int) -> bool:
    if used == 0:
        # Only generation 0 may make the row; a later one needs the row that its predecessor left.
        values: dict[str, Any] = {"family": family, "generation": 1, "revoked": 0, "expires_at": expires_at}
        first = insert_into(connection.dialect.name, token_families).values(values)
        statement = first.on_conflict_do_nothing(index_elements=["family"])
        return connection.execute(statement).rowcount == 1
    same = token_families.c.family == family
    current = (token_families.c.generation == used) & (token_families.c.revoked == 0)
    change = {"generation": used + 1, "expires_at": expires_at}
    return connection.execute(update(token_families).where(same & current).values(change)).rowcount == 1


def revoke_family(connection: Connection, family: str, expires_at: int) -> None:
    """Makes every refresh token of a family worthless, also when the family has no row yet."""
    values: dict[str, Any] = {"family": family, "generation": 0, "revoked": 1, "expires_at": expires_at}
    insert_row = insert_into(connection.dialect.name, token_families).values(values)
    connection.execute(insert_row.on_conflict_do_update(index_elements=["family"], set_={"revoked": 1}))


def family_state(connection: Connection, family: str) -> tuple[int, bool]:
    """Current generation of a family and whether it is revoked."""
    columns = (token_families.c.generation, token_families.c.revoked)
    row = connection.execute(select(*columns).where(token_families.c.family == family)).one_or_none()
    return (0, False) if row is None else (row.generation, bool(row.revoked))


def revoke_token(connection: Connection, jti: str, expires_at: int) -> None:
    """Remembers an access token as revoked until it would have expired."""
    values: dict[str, Any] = {"jti": jti, "expires_at": expires_at}
    connection.execute(
        insert_into(connection.dialect.name, revoked_tokens)
        .values(values)
        .on_conflict_do_nothing(index_elements=["jti"])
    )


def revoked_since(connection: Connection, now: int) -> set[str]:
    """Identifiers of the revoked access tokens that have not expired."""
    query = select(revoked_tokens.c.jti).where(revoked_tokens.c.expires_at >= now)
    return set(connection.execute(query).scalars())


def forget_expired(connection: Connection, now: int) -> None:
    """Removes rows about tokens that have expired anyway."""
    connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at < now))
    connection.execute(delete(token_families).where(token_families.c.expires_at < now))


def load_keys(connection: Connection) -> Sequence[RowMapping]:
    """All signing keys, newest first."""
    return connection.execute(select(signing_keys).order_by(signing_keys.c.created_at.desc())).mappings().all()


def add_key(connection: Connection, row: dict[str, Any]) -> None:
    """Adds a signing key; the keys before it stay for verifying only."""
    connection.execute(update(signing_keys).values(state="retired"))
    connection.execute(insert(signing_keys).values(row))


def drop_retired_keys(connection: Connection, before_ns: int) -> None:
    """Removes the keys whose successor was made before that."""
    newer = signing_keys.alias()
    has_old_successor = exists().where(
        (newer.c.created_at > signing_keys.c.created_at) & (newer.c.created_at < before_ns)
    )
    connection.execute(delete(signing_keys).where(has_old_successor))

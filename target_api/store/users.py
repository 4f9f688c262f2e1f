"""Reading user rows.

They are not cached: a user whose row is at hand would be refused sooner than one who does not exist, and the time of a
refusal would tell who is a user.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from loadcore_target.store.schema import users

_BY_NAME = select(users.c.username, users.c.full_name, users.c.email, users.c.scopes, users.c.password_hash).where(
    users.c.username == bindparam("name")
)


@dataclass(frozen=True, slots=True)
class UserRow:
    """What a login needs of a user."""

    username: str
    full_name: str
    email: str
    scopes: str
    password_hash: str


def find_user(connection: Connection, username: str) -> UserRow | None:
    """The user of that name, or `None`."""
    found = connection.execute(_BY_NAME, {"name": username}).one_or_none()
    return None if found is None else UserRow(*found)

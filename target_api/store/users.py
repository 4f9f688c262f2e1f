"""Reading user rows, with a short cache: a login storm asks for each of them once or twice."""

from dataclasses import dataclass

from sqlalchemy import select

from target_api.store.database import Database
from target_api.store.schema import users

_MOST_CACHED = 100_000


@dataclass(frozen=True, slots=True)
class UserRow:
    """What a login needs of a user."""

    username: str
    full_name: str
    email: str
    scopes: str
    password_hash: str


class UserStore:
    """Users by name. Rows are kept for the life of the worker: no route changes a user."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: dict[str, UserRow] = {}

    async def find(self, username: str, timings: list[tuple[str, float]] | None = None) -> UserRow | None:
        """The user of that name, or `None`."""
        row = self._rows.get(username)
        if row is not None:
            return row
        columns = (users.c.username, users.c.full_name, users.c.email, users.c.scopes, users.c.password_hash)
        async with self._database.begin(timings) as connection:
            found = (await connection.execute(select(*columns).where(users.c.username == username))).one_or_none()
        if found is None:
            return None
        row = UserRow(*found)
        if len(self._rows) < _MOST_CACHED:
            self._rows[username] = row
        return row

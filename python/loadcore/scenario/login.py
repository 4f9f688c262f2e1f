"""A login by a request of the user's own, for APIs whose login is not OAuth 2.0."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loadcore.scenario.auth import Auth
from loadcore.scenario.place import Place, here

if TYPE_CHECKING:
    from loadcore.scenario.checks import Source
    from loadcore.scenario.http import Request


@dataclass(frozen=True, slots=True, eq=False)
class Login(Auth):
    """A token that a request of the user's own gets, kept fresh by sending that again."""

    request: Request = field(repr=False)
    token: Source
    expires_in: Source | str | None
    header: str
    prefix: str
    shared: int | None
    refresh_before: str
    place: Place | None = field(default_factory=here, compare=False, repr=False)


def login(
    request: Request,
    /,
    *,
    token: Source,
    expires_in: Source | str | None = None,
    header: str = "Authorization",
    prefix: str = "Bearer",
    shared: int | None = None,
    refresh_before: str = "30s",
) -> Login:
    """A token that a request of your own gets: for logins that are not OAuth 2.0.

    The request is sent when a token is first needed, again before the token expires, and once more when a response says
    401. It is recorded in a section of its own, never in the API's times.

        login(
            post("/session", json={"name": "{username}", "password": "{password}"}),
            token=response.json("$.token"),
            expires_in=response.json("$.expires_in"),
        )

    Args:
        request: The request. It is sent without authentication, or with its own.
        token: Where in its response the token is: `response.json(…)`, `response.regex(…)` or `response.header(…)`.
        expires_in: How long the token is good for: where in the response the number of seconds is (or the time at which
            it ends, in seconds since 1970), or a duration, `"15m"`. By default until the token itself says, if it is a
            JSON Web Token, or until a response says 401.
        header: The header that the token is sent in.
        prefix: What precedes it there; `""` for nothing.
        shared: Number of tokens, shared by all users of the run. By default every user has its own.
        refresh_before: How long before its end a token is replaced, less a random part of up to a quarter.
    """
    return Login(request, token, expires_in, header, prefix, shared, refresh_before)

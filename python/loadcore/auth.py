"""Ways to authenticate. What is fetched, kept fresh and sent is the engine's work; the user only says which way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from loadcore.place import Place, here


@dataclass(frozen=True, slots=True)
class Env:
    """A secret that is read from the environment when the run starts. It stands in no file."""

    name: str


Secret: TypeAlias = str | Env
"""A text, which may hold `{variables}` of the user, or `env("NAME")`."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that is known from the start."""

    token: Secret = field(repr=False)
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Basic:
    """A user name and a password."""

    username: Secret
    password: Secret = field(repr=False)
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in a header or in the query."""

    key: Secret = field(repr=False)
    header: str | None
    query: str | None
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PasswordGrant:
    """RFC 6749 section 4.3."""

    username: Secret
    password: Secret = field(repr=False)
    client: tuple[Secret, Secret] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCredentialsGrant:
    """RFC 6749 section 4.4."""

    client_id: Secret
    client_secret: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefreshTokenGrant:
    """RFC 6749 section 6, with a token known from the start."""

    refresh_token: Secret = field(repr=False)
    client: tuple[Secret, Secret] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuth2:
    """A bearer token that is fetched and kept fresh."""

    token_url: str
    grant: PasswordGrant | ClientCredentialsGrant | RefreshTokenGrant
    scope: str | None
    shared: int | None
    refresh_before: str
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No authentication."""


Auth: TypeAlias = Bearer | Basic | ApiKey | OAuth2

anonymous: Final = Anonymous()
"""For a request that is to go out without the scenario's authentication: `get("/health", auth=anonymous)`."""


def env(name: str) -> Env:
    """A secret from the environment, read when the run starts.

    bearer(env("GATEWAY_TOKEN"))
    """
    return Env(name)


def bearer(token: Secret) -> Bearer:
    """Sends `Authorization: Bearer <token>`."""
    return Bearer(token)


def basic(username: Secret, password: Secret) -> Basic:
    """Sends `Authorization: Basic <base64(username:password)>` (RFC 7617)."""
    return Basic(username, password)


def api_key(key: Secret, *, header: str | None = None, query: str | None = None) -> ApiKey:
    """Sends a key in the header or in the query parameter of that name; exactly one of them is given.

    api_key(env("API_KEY"), header="X-API-Key")
    """
    return ApiKey(key, header, query)


def oauth2_password(
    *,
    token_url: str,
    username: Secret,
    password: Secret,
    client: tuple[Secret, Secret] | None = None,
    scope: str | None = None,
    shared: int | None = None,
    refresh_before: str = "30s",
) -> OAuth2:
    """A bearer token got with a user name and a password (RFC 6749 section 4.3).

    The token is fetched when it is first needed, refreshed before it expires, and once more when a response says 401.
    Token calls are recorded in a section of their own, never in the API's times.

        oauth2_password(token_url="/auth/token", username="{username}", password="{password}")

    Args:
        token_url: The token endpoint: absolute, or relative to the scenario's `base_url`.
        username: The user name.
        password: The password.
        client: The client's id and secret, sent as Basic.
        scope: Scopes to ask for, separated by spaces.
        shared: So many tokens, shared by all users of the run. By default every user has its own.
        refresh_before: How long before its end a token is refreshed, less a random part of up to a quarter.
    """
    grant = PasswordGrant(username, password, client)
    return OAuth2(token_url, grant, scope, shared, refresh_before)


def oauth2_client_credentials(
    *,
    token_url: str,
    client_id: Secret,
    client_secret: Secret,
    scope: str | None = None,
    shared: int | None = None,
    refresh_before: str = "30s",
) -> OAuth2:
    """A bearer token got with the client's own credentials (RFC 6749 section 4.4).

    The arguments are as of `oauth2_password`.
    """
    grant = ClientCredentialsGrant(client_id, client_secret)
    return OAuth2(token_url, grant, scope, shared, refresh_before)


def oauth2_refresh_token(
    *,
    token_url: str,
    refresh_token: Secret,
    client: tuple[Secret, Secret] | None = None,
    scope: str | None = None,
    shared: int | None = None,
    refresh_before: str = "30s",
) -> OAuth2:
    """A bearer token got with a refresh token known from the start (RFC 6749 section 6).

    The arguments are as of `oauth2_password`.
    """
    grant = RefreshTokenGrant(refresh_token, client)
    return OAuth2(token_url, grant, scope, shared, refresh_before)

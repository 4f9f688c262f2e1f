"""Ways to authenticate. What is fetched, kept fresh and sent is the engine's work; the user only says which way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from loadcore.scenario.place import Place, here

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.scenario.values import Fields, Secret


Client: TypeAlias = "tuple[Secret, Secret] | Secret"
"""Who asks for a token: a pair of id and secret, or the id of a public client, which has no secret."""


class Auth:
    """A way to authenticate: what `bearer`, `basic`, `api_key`, `login` and the `oauth2_…` functions give back."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Bearer(Auth):
    """A token that is known from the start."""

    token: Secret = field(repr=False)
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Basic(Auth):
    """A user name and a password."""

    username: Secret
    password: Secret = field(repr=False)
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey(Auth):
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


@dataclass(frozen=True, slots=True)
class ClientCredentialsGrant:
    """RFC 6749 section 4.4."""


@dataclass(frozen=True, slots=True)
class RefreshTokenGrant:
    """RFC 6749 section 6, with a token known from the start."""

    refresh_token: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuth2(Auth):
    """A bearer token that is fetched from a token endpoint and kept fresh."""

    token_url: str
    grant: PasswordGrant | ClientCredentialsGrant | RefreshTokenGrant
    client: object = field(repr=False)
    """A pair of id and secret, or the id of a client that has no secret."""
    client_in: str
    scope: str | None
    form: Mapping[str, Secret] = field(repr=False)
    headers: Fields = field(repr=False)
    shared: int | None
    refresh_before: str
    place: Place | None = field(default_factory=here, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No authentication."""


anonymous: Final = Anonymous()
"""For a request that is to go out without the scenario's authentication: `get("/health", auth=anonymous)`."""


def bearer(token: Secret) -> Bearer:
    """Sends `Authorization: Bearer <token>`."""
    return Bearer(token)


def basic(username: Secret, password: Secret) -> Basic:
    """Sends `Authorization: Basic <base64(username:password)>` (RFC 7617).

    The password may be empty: many APIs take a key as the user name, as in `basic(env("API_KEY"), "")`.
    """
    return Basic(username, password)


def api_key(key: Secret, *, header: str | None = None, query: str | None = None) -> ApiKey:
    """Sends a key in the header or in the query parameter of that name; exactly one of them is given.

    api_key(env("API_KEY"), header="X-API-Key")
    """
    return ApiKey(key, header, query)


def oauth2_password(  # noqa: PLR0913 - all of them by name
    *,
    token_url: str,
    username: Secret,
    password: Secret,
    client: Client | None = None,
    client_in: Literal["header", "body"] = "header",
    scope: str | None = None,
    form: Mapping[str, Secret] | None = None,
    headers: Fields | None = None,
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
        client: The client's id and secret, `("shop", env("SHOP_SECRET"))`; or the id alone of a public client.
        client_in: Where the client's id and secret are sent: as Basic in the `"header"`, or in the `"body"`. The id of
            a public client is always in the body.
        scope: Scopes to ask for, separated by spaces.
        form: Further fields of each token call, as `{"audience": "https://api.example.com"}`.
        headers: Headers of each token call. They win over the scenario's, which are sent, too.
        shared: Number of tokens, shared by all users of the run. By default every user has its own.
        refresh_before: How long before its end a token is refreshed, less a random part of up to a quarter.
    """
    grant = PasswordGrant(username, password)
    return OAuth2(token_url, grant, client, client_in, scope, form or {}, headers or {}, shared, refresh_before)


def oauth2_client_credentials(  # noqa: PLR0913 - all of them by name
    *,
    token_url: str,
    client_id: Secret,
    client_secret: Secret,
    client_in: Literal["header", "body"] = "header",
    scope: str | None = None,
    form: Mapping[str, Secret] | None = None,
    headers: Fields | None = None,
    shared: int | None = None,
    refresh_before: str = "30s",
) -> OAuth2:
    """A bearer token got with the client's own credentials (RFC 6749 section 4.4).

    The arguments are as of `oauth2_password`.
    """
    client = (client_id, client_secret)
    grant = ClientCredentialsGrant()
    return OAuth2(token_url, grant, client, client_in, scope, form or {}, headers or {}, shared, refresh_before)


def oauth2_refresh_token(  # noqa: PLR0913 - all of them by name
    *,
    token_url: str,
    refresh_token: Secret,
    client: Client | None = None,
    client_in: Literal["header", "body"] = "header",
    scope: str | None = None,
    form: Mapping[str, Secret] | None = None,
    headers: Fields | None = None,
    shared: int | None = None,
    refresh_before: str = "30s",
) -> OAuth2:
    """A bearer token got with a refresh token known from the start (RFC 6749 section 6).

    One refresh token is one login: unless it is the user's own (`"{refresh_token}"` of a feeder), all users share the
    token that it gets, and the run has one worker. Many servers give a new refresh token with each use, and revoke
    everything when an old one comes again. The arguments are as of `oauth2_password`.
    """
    grant = RefreshTokenGrant(refresh_token)
    return OAuth2(token_url, grant, client, client_in, scope, form or {}, headers or {}, shared, refresh_before)

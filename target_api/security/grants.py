"""The three grants of the token endpoint, to RFC 6749."""

import base64
import binascii
import secrets
import uuid
from collections.abc import Mapping
from urllib.parse import unquote_plus

from loadcore_target.dependencies import Exchange
from loadcore_target.errors import OAuthError
from loadcore_target.models import TokenResponse
from loadcore_target.security.passwords import HashQueueFullError
from loadcore_target.security.tokens import InvalidTokenError, narrow_scope
from loadcore_target.settings import Client
from loadcore_target.store.users import UserRow, find_user


class ClientCredentials:
    """The client identifier and secret of a request, from Basic authentication or from the form."""

    def __init__(self, authorization: str | None, form: Mapping[str, str]) -> None:
        self.from_header = authorization is not None and authorization[:6].lower() == "basic "
        if self.from_header and authorization is not None:
            if "client_secret" in form:
                raise OAuthError("invalid_request", "the client must authenticate in one way only")
            self.client_id, self.secret = _basic(authorization[6:])
        else:
            self.client_id, self.secret = form.get("client_id", ""), form.get("client_secret", "")

    def authenticate(self, clients: Mapping[str, Client]) -> Client:
        """The client that proved itself.

        Raises:
            OAuthError: `invalid_client`.
        """
        client = clients.get(self.client_id)
        expected = client.secret.get_secret_value() if client else secrets.token_urlsafe(16)
        right = secrets.compare_digest(expected.encode(), self.secret.encode())
        if client is None or not right:
            headers = {"WWW-Authenticate": 'Basic realm="gateway"'}
            raise OAuthError("invalid_client", "unknown client or wrong secret", 401, headers)
        return client

    def authenticate_if_given(self, clients: Mapping[str, Client]) -> None:
        """A client that names itself must prove it (RFC 6749 sections 3.2.1 and 6); a user needs no client."""
        if self.from_header or self.secret or self.client_id:
            self.authenticate(clients)


def _basic(encoded: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise OAuthError("invalid_request", "the Basic credentials are not base64 of UTF-8") from None
    client_id, _, secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


class GrantService:
    """Answers token requests.

    Args:
        exchange: The request.
        authorization: Its `Authorization` header.
    """

    def __init__(self, exchange: Exchange, authorization: str | None) -> None:
        self._services = exchange.services
        self._context = exchange.context
        self._authorization = authorization

    async def answer(self, form: Mapping[str, str]) -> TokenResponse:
        """The tokens for a form.

        Raises:
            OAuthError: Whatever is wrong, in the words of the RFC.
        """
        kind = form.get("grant_type")
        if not kind:
            raise OAuthError("invalid_request", "grant_type is missing")
        grants = {
            "password": self._password,
            "refresh_token": self._refresh,
            "client_credentials": self._client,
        }
        grant = grants.get(kind)
        if grant is None:
            raise OAuthError("unsupported_grant_type", f"known: {', '.join(grants)}")
        counter = self._services.metrics.tokens
        try:
            response = await grant(form, ClientCredentials(self._authorization, form))
        except OAuthError as error:
            counter.labels(kind, error.code).inc()
            raise
        counter.labels(kind, "ok").inc()
        return response

    async def _password(self, form: Mapping[str, str], credentials: ClientCredentials) -> TokenResponse:
        services = self._services
        credentials.authenticate_if_given(services.settings.clients)
        username, password = form.get("username"), form.get("password")
        if not username or not password:
            raise OAuthError("invalid_request", "username and password are required")
        row = await services.database.run(find_user, username, timings=self._context.timings)
        try:
            right = await services.passwords.verify(password, row.password_hash if row else None)
        except HashQueueFullError:
            services.metrics.logins.labels("busy").inc()
            raise OAuthError(
                "temporarily_unavailable", "too many logins are waiting", 503, {"Retry-After": "2"}
            ) from None
        services.metrics.logins.labels("ok" if right else "refused").inc()
        if row is None or not right:
            raise OAuthError("invalid_grant", "wrong user name or password")
        scope = _granted(form, row.scopes.split())
        return await self._user_tokens(row, scope, credentials.client_id, None, 0)

    async def _refresh(self, form: Mapping[str, str], credentials: ClientCredentials) -> TokenResponse:
        services = self._services
        credentials.authenticate_if_given(services.settings.clients)
        token = form.get("refresh_token")
        if not token:
            raise OAuthError("invalid_request", "refresh_token is missing")
        try:
            claims = services.tokens.read_refresh(token)
            if claims.client_id != credentials.client_id:
                raise OAuthError("invalid_grant", "the refresh token was issued to another client")
            scope = _granted(form, claims.scope.split())
            row = await services.database.run(find_user, claims.subject, timings=self._context.timings)
            if row is None:
                raise OAuthError("invalid_grant", "the user no longer exists")
            # The last thing that may fail: a client that has to retry must not have used its token up.
            await services.tokens.use_refresh(claims, self._context.timings)
        except InvalidTokenError as error:
            raise OAuthError("invalid_grant", str(error)) from None
        return await self._user_tokens(
            row, scope, claims.client_id, (claims.family, claims.scope), claims.generation + 1
        )

    async def _client(self, form: Mapping[str, str], credentials: ClientCredentials) -> TokenResponse:
        services = self._services
        client = credentials.authenticate(services.settings.clients)
        scope = _granted(form, client.scopes.split())
        token = await services.tokens.access_token(
            credentials.client_id, scope, credentials.client_id, {"kind": "client"}
        )
        # RFC 6749 section 4.4.3: a client can ask again, so it gets no refresh token.
        return TokenResponse(access_token=token, expires_in=services.settings.access_token_s, scope=scope)

    async def _user_tokens(
        self, row: UserRow, scope: str, client_id: str, family: tuple[str, str] | None, generation: int
    ) -> TokenResponse:
        """Both tokens; the refresh token keeps the scope of its family, also when the access token is narrower."""
        services = self._services
        name, family_scope = family or (uuid.uuid4().hex, scope)
        claims = {"name": row.full_name, "email": row.email, "sid": name}
        access = await services.tokens.access_token(row.username, scope, client_id, claims)
        return TokenResponse(
            access_token=access,
            expires_in=services.settings.access_token_s,
            scope=scope,
            refresh_token=services.tokens.refresh_token(row.username, family_scope, client_id, name, generation),
        )


def _granted(form: Mapping[str, str], allowed: list[str]) -> str:
    scope = narrow_scope(form.get("scope", ""), allowed)
    if scope is None:
        raise OAuthError("invalid_scope", f"at most: {' '.join(allowed)}")
    return scope

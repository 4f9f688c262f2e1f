"""Access and refresh tokens: issued, verified, revoked."""

import asyncio
import logging
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key, OctKey
from sqlalchemy.exc import SQLAlchemyError

from loadcore_target.errors import OAuthError, ProblemError
from loadcore_target.security.keys import KeyRing
from loadcore_target.settings import Settings
from loadcore_target.shared.control import ControlPage, Word
from loadcore_target.store.database import Database
from loadcore_target.store.tokens import family_state, revoke_family, revoke_token, revoked_since, use_generation

PUBLIC_CLIENT = "public"
"""The `client_id` of an access token that a user got without a client: RFC 9068 requires one."""
_FOLLOW_EVERY_S = 2.0
_log = logging.getLogger(__name__)


class InvalidTokenError(Exception):
    """A token that proves nothing; the message says why, for the developer of the client."""


class _UnknownKeyError(InvalidTokenError):
    """Signed with a key that this worker has not seen; another replica may have made it a moment ago."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request, as the access token says.

    Args:
        subject: User name, or client identifier of a machine client.
        name: Full name; the client identifier for a machine client.
        email: Address; empty for a machine client.
        scopes: What the token allows.
        kind: `user` or `client`.
        jti: Identifier of the token.
        expires_at: Unix seconds.
        client_id: The client that it was issued to; empty for a user's own.
    """

    subject: str
    name: str
    email: str
    scopes: frozenset[str]
    kind: str
    jti: str
    expires_at: int
    client_id: str


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token says."""

    subject: str
    scope: str
    family: str
    generation: int
    expires_at: int
    client_id: str


class TokenService:
    """Issues and verifies tokens for one worker.

    Args:
        settings: Life times, issuer, audience and the secret of the refresh tokens.
        keys: Keys of the access tokens.
        database: Keeps families and revocations.
        control: Tells when another worker revoked something.
    """

    def __init__(self, settings: Settings, keys: KeyRing, database: Database, control: ControlPage) -> None:
        assert settings.secret is not None  # noqa: S101 - the settings refuse to be without
        self._settings = settings
        self.keys = keys
        self._database = database
        self._control = control
        # Only this server reads refresh tokens, so they need no public key.
        self._refresh_key = OctKey.import_key(settings.secret.get_secret_value())
        self._revoked: set[str] = set()
        self._revoked_epoch = -1
        self._reading = asyncio.Lock()

    async def load(self) -> None:
        """Reads keys and revocations."""
        await self.keys.load()
        await self._load_revoked()

    async def follow_replicas(self) -> None:
        """Reads keys and revocations again and again: those of other replicas cross no shared memory."""
        while True:
            await asyncio.sleep(_FOLLOW_EVERY_S)
            try:
                await self.load()
            except (SQLAlchemyError, ProblemError, OSError):  # the next turn tries again
                _log.exception("keys and revocations cannot be read")

    async def _load_revoked(self) -> None:
        epoch = self._control.epoch(Word.REVOKED)
        self._revoked = await self._database.run(revoked_since, int(time.time()))
        self._revoked_epoch = epoch

    async def access_token(self, subject: str, scope: str, client_id: str, claims: dict[str, str]) -> str:
        """A signed access token for a subject (RFC 9068), issued to a client or, if that is empty, to the user's own.

        Its claim `sid` names the family of the refresh token beside it, with which it is revoked.
        """
        if self.keys.stale:
            await self.keys.load()
        kid, algorithm, key = self.keys.signing()
        now = int(time.time())
        payload: dict[str, Any] = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": subject,
            "scope": scope,
            "iat": now,
            "exp": now + self._settings.access_token_s,
            "jti": uuid.uuid4().hex,
            "client_id": client_id or PUBLIC_CLIENT,
            **claims,
        }
        return jwt.encode({"alg": algorithm, "kid": kid, "typ": "at+jwt"}, payload, key, algorithms=[algorithm])

    def refresh_token(self, subject: str, scope: str, client_id: str, family: str, generation: int) -> str:
        """A signed refresh token of a family."""
        expires_at = int(time.time() + self._settings.refresh_token_s)
        payload: dict[str, Any] = {
            "sub": subject,
            "scope": scope,
            "client_id": client_id,
            "family": family,
            "generation": generation,
            "exp": expires_at,
        }
        return jwt.encode({"alg": "HS256", "typ": "refresh"}, payload, self._refresh_key, algorithms=["HS256"])

    async def verify(self, token: str) -> Principal:
        """Who an access token stands for.

        Raises:
            InvalidTokenError: It is malformed, expired, revoked, or not from here.
        """
        if self.keys.stale:
            await self.keys.load()
        if self._control.words[Word.REVOKED] != self._revoked_epoch:
            async with self._reading:  # one request reads for all that wait
                if self._control.words[Word.REVOKED] != self._revoked_epoch:
                    await self._load_revoked()
        try:
            claims = self._access_claims(token)
        except _UnknownKeyError:
            if not self.keys.may_have_changed():
                raise
            await self.keys.load()
            claims = self._access_claims(token)
        if claims["jti"] in self._revoked or claims.get("sid") in self._revoked:
            raise InvalidTokenError("the token was revoked")
        return Principal(
            subject=claims["sub"],
            name=claims.get("name", claims["sub"]),
            email=claims.get("email", ""),
            scopes=frozenset(claims["scope"].split()),
            kind=claims.get("kind", "user"),
            jti=claims["jti"],
            expires_at=int(claims["exp"]),
            client_id="" if claims["client_id"] == PUBLIC_CLIENT else claims["client_id"],
        )

    def _access_claims(self, token: str) -> dict[str, Any]:
        known = self.keys.verifying

        def key_of(candidate: GuestProtocol) -> Key:
            found = known(str(candidate.headers().get("kid")))
            if found is None or candidate.headers().get("alg") != found[0]:
                raise _UnknownKeyError("the token was signed with a key that is not known here")
            return found[1]

        try:
            decoded = jwt.decode(token, key_of, algorithms=["HS256", "RS256"])
        except (JoseError, ValueError) as error:
            raise InvalidTokenError("the token is malformed or its signature is wrong") from error
        claims = decoded.claims
        if decoded.header.get("typ") != "at+jwt" or claims.get("aud") != self._settings.audience:
            raise InvalidTokenError("the token is not an access token for this API")
        if claims.get("iss") != self._settings.issuer:
            raise InvalidTokenError("the token was issued by someone else")
        if claims["exp"] + self._settings.leeway_s <= time.time():
            raise InvalidTokenError("the token has expired")
        return claims

    def read_refresh(self, token: str) -> RefreshClaims:
        """What a refresh token says, without using it up.

        Raises:
            InvalidTokenError: It is malformed, expired, or not from here.
        """
        try:
            decoded = jwt.decode(token, self._refresh_key, algorithms=["HS256"])
        except (JoseError, ValueError) as error:
            raise InvalidTokenError("the refresh token is malformed or its signature is wrong") from error
        claims = decoded.claims
        if decoded.header.get("typ") != "refresh":
            raise InvalidTokenError("this is not a refresh token")
        if claims["exp"] <= time.time():
            raise InvalidTokenError("the refresh token has expired")
        return RefreshClaims(
            claims["sub"], claims["scope"], claims["family"], claims["generation"], claims["exp"], claims["client_id"]
        )

    async def use_refresh(self, claims: RefreshClaims, timings: list[tuple[str, float]]) -> None:
        """Uses a refresh token up; a second use makes the whole family worthless.

        Raises:
            InvalidTokenError: It was used before, or its family was revoked.
        """
        expires_at = int(time.time() + self._settings.refresh_token_s)
        if not await self._database.run(use_generation, claims.family, claims.generation, expires_at, timings=timings):
            await self._revoke_access(claims.family)
            raise InvalidTokenError("the refresh token was used before or revoked; its whole family is revoked now")

    async def revoke(self, token: str, client_id: str) -> str | None:
        """Revokes an access token, or a refresh token with the access tokens of its family (RFC 7009 section 2.1).

        Args:
            token: The token.
            client_id: Who asks; empty for a user.

        Returns:
            Which kind it was, `None` for neither.

        Raises:
            OAuthError: It was issued to another client.
        """
        try:
            claims = self.read_refresh(token)
        except InvalidTokenError:
            pass
        else:
            _must_be_own(claims.client_id, client_id)
            await self._database.run(revoke_family, claims.family, claims.expires_at)
            await self._revoke_access(claims.family)
            return "refresh_token"
        try:
            principal = await self.verify(token)
        except InvalidTokenError:
            return None
        _must_be_own(principal.client_id, client_id)
        await self._refuse_from_now(principal.jti, principal.expires_at)
        return "access_token"

    async def _revoke_access(self, family: str) -> None:
        """Makes the access tokens of a family worthless: the longest of them lives for as long as one made now."""
        await self._refuse_from_now(family, int(time.time()) + self._settings.access_token_s)

    async def _refuse_from_now(self, identifier: str, expires_at: int) -> None:
        """Refuses access tokens by their `jti` or `sid`, in every worker."""
        await self._database.run(revoke_token, identifier, expires_at)
        before = self._control.epoch(Word.REVOKED)
        self._control.bump(Word.REVOKED)
        self._revoked.add(identifier)
        if self._revoked_epoch == before and self._control.epoch(Word.REVOKED) == before + 1:
            self._revoked_epoch = before + 1  # no other worker revoked anything: there is nothing to read

    async def refresh_is_live(self, claims: RefreshClaims) -> bool:
        """Whether a refresh token could still be used."""
        generation, revoked = await self._database.run(family_state, claims.family)
        return not revoked and generation == claims.generation


def _must_be_own(issued_to: str, client_id: str) -> None:
    if issued_to != client_id:
        raise OAuthError("unauthorized_client", "the token was issued to another client")


def narrow_scope(requested: str, granted: Iterable[str]) -> str | None:
    """The scopes to grant: all that are granted when none is asked for, `None` when one asked for is not granted."""
    allowed = list(granted)
    if not requested:
        return " ".join(allowed)
    wanted = requested.split()
    return " ".join(wanted) if set(wanted) <= set(allowed) else None

"""Ways to authenticate to their plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.auth import ApiKey, Basic, Bearer, ClientCredentialsGrant, Env, OAuth2, PasswordGrant, RefreshTokenGrant
from loadcore.compiler.names import default_name, free_name
from loadcore.compiler.problems import kind_of
from loadcore.units import parse_duration

if TYPE_CHECKING:
    from loadcore.auth import Auth, Secret
    from loadcore.compiler.problems import Problems
    from loadcore.place import Place
    from loadcore.plan import AuthPlan, GrantPlan, SecretPlan, WayPlan


class AuthRegistry:
    """The ways to authenticate of a plan. Equal declarations are one: they share their tokens."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        # Searched by equality: secrets of a wrong kind may have no hash.
        self._known: list[tuple[Auth, str]] = []
        self.plans: list[AuthPlan] = []

    def register(self, auth: Auth, place: Place | None) -> str | None:
        """The name under which it stands in the plan; `None` if it is none."""
        if not isinstance(auth, Bearer | Basic | ApiKey | OAuth2):
            hint = "write bearer(…), basic(…), api_key(…) or one of the oauth2_… functions"
            self._problems.add(place, f"auth is {kind_of(auth)}: it must be a way to authenticate", hint)
            return None
        for known, name in self._known:
            if known == auth:
                return name
        way = self._way(auth)
        name = free_name(way["kind"], [name for _, name in self._known])
        plan: AuthPlan = {"name": name, "way": way}
        if auth.place is not None:
            plan["at"] = str(auth.place)
        self._known.append((auth, name))
        self.plans.append(plan)
        return name

    def _way(self, auth: Auth) -> WayPlan:
        place = auth.place
        match auth:
            case Bearer():
                return {"kind": "bearer", "token": self._secret(auth.token, "the token", place)}
            case Basic():
                return {
                    "kind": "basic",
                    "username": self._secret(auth.username, "the user name", place),
                    "password": self._secret(auth.password, "the password", place),
                }
            case ApiKey():
                return self._api_key(auth)
            case OAuth2():
                return self._oauth2(auth)

    def _api_key(self, auth: ApiKey) -> WayPlan:
        if (auth.header is None) == (auth.query is None):
            self._problems.add(auth.place, "an API key goes into either `header` or `query`")
            name = ""
        else:
            given = auth.query if auth.header is None else auth.header
            name = self._problems.text(auth.place, "the name of the key's header or parameter", given)
        return {
            "kind": "api_key",
            "key": self._secret(auth.key, "the key", auth.place),
            "name": name,
            "place": "query" if auth.header is None else "header",
        }

    def _oauth2(self, auth: OAuth2) -> WayPlan:
        url = self._problems.text(auth.place, "token_url", auth.token_url)
        plan: WayPlan = {
            "kind": "oauth2",
            "token_url": url,
            "grant": self._grant(auth),
            "refresh_before_ns": self._problems.parse(
                auth.place, "refresh_before", parse_duration, auth.refresh_before, 0
            ),
            "step": default_name("POST", url),
        }
        if auth.scope is not None:
            plan["scope"] = self._problems.text(auth.place, "scope", auth.scope)
        if auth.shared is not None:
            plan["shared"] = self._problems.whole(auth.place, "shared", auth.shared)
        return plan

    def _grant(self, auth: OAuth2) -> GrantPlan:
        grant, place = auth.grant, auth.place
        match grant:
            case PasswordGrant():
                plan: GrantPlan = {
                    "grant": "password",
                    "username": self._secret(grant.username, "the user name", place),
                    "password": self._secret(grant.password, "the password", place),
                }
            case ClientCredentialsGrant():
                return {
                    "grant": "client_credentials",
                    "client_id": self._secret(grant.client_id, "the client's id", place),
                    "client_secret": self._secret(grant.client_secret, "the client's secret", place),
                }
            case RefreshTokenGrant():
                token = self._secret(grant.refresh_token, "the refresh token", place)
                plan = {"grant": "refresh_token", "refresh_token": token}
        if grant.client is not None:
            match grant.client:
                case (identity, secret):
                    plan["client"] = (
                        self._secret(identity, "the client's id", place),
                        self._secret(secret, "the client's secret", place),
                    )
                case _:
                    self._problems.add(place, "client must be a pair of id and secret")
        return plan

    def _secret(self, secret: Secret, what: str, place: Place | None) -> SecretPlan:
        match secret:
            case Env(name):
                return {"env": self._problems.text(place, f"the environment variable of {what}", name)}
            case str() if secret:
                return {"text": secret}
            case _:
                # The value itself is not shown: it may be a secret.
                self._problems.add(place, f'{what} must be a text that is not empty, or env("NAME")')
                return {"text": ""}

"""Ways to authenticate to their plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from loadcore.compiler.fields import compile_fields
from loadcore.compiler.flows import FlowCompiler
from loadcore.compiler.responses import compile_extract
from loadcore.compiler.scripts import ScriptRegistry
from loadcore.plan.names import default_name, free_name
from loadcore.plan.outline import is_one_login
from loadcore.scenario.auth import (
    ApiKey,
    Basic,
    Bearer,
    ClientCredentialsGrant,
    OAuth2,
    PasswordGrant,
    RefreshTokenGrant,
)
from loadcore.scenario.checks import Default, Extractable, Regex
from loadcore.scenario.http import Request
from loadcore.scenario.login import Login
from loadcore.scenario.values import Env
from loadcore.wording.kinds import kind_of
from loadcore.wording.units import parse_duration

if TYPE_CHECKING:
    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import (
        AuthPlan,
        ClientPlan,
        ExtractFromPlan,
        GrantPlan,
        Pair,
        SecretPlan,
        StepPlan,
        WayPlan,
    )
    from loadcore.scenario.auth import Auth
    from loadcore.scenario.place import Place

_Known: TypeAlias = Bearer | Basic | ApiKey | OAuth2 | Login
_CLIENT_PLACES: Final = ("header", "body")
_FIELDS: Final = {
    "grant_type": "the function already sets the grant",
    "username": "write username=…",
    "password": "write password=…",
    "refresh_token": "write refresh_token=…",
    "scope": "write scope=…",
    "client_id": 'write client="id" of a public client, or client=("id", env("SECRET"))',
    "client_secret": 'write client=("id", env("SECRET")), client_in="body"',
}
"""Fields of token calls that have words of their own, and those."""


class AuthRegistry:
    """The ways to authenticate of a plan. Equal declarations are one: they share their tokens."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._compile_request = FlowCompiler(problems, self.register, ScriptRegistry(problems)).request
        # Searched by equality: secrets of a wrong kind may have no hash.
        self._known: list[tuple[_Known, str]] = []
        self.plans: list[AuthPlan] = []

    def register(self, auth: Auth, place: Place | None) -> str | None:
        """Its name in the plan; `None` if it is none."""
        if not isinstance(auth, Bearer | Basic | ApiKey | OAuth2 | Login):
            hint = "write bearer(…), basic(…), api_key(…), login(…) or one of the oauth2_… functions"
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

    def _way(self, auth: _Known) -> WayPlan:
        place = auth.place
        match auth:
            case Bearer():
                return {"kind": "bearer", "token": self._secret(auth.token, "the token", place)}
            case Basic():
                return {
                    "kind": "basic",
                    "username": self._secret(auth.username, "the user name", place),
                    "password": self._secret(auth.password, "the password", place, may_be_empty=True),
                }
            case ApiKey():
                return self._api_key(auth)
            case OAuth2():
                return self._oauth2(auth)
            case Login():
                return self._login(auth)

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
        place = auth.place
        url = self._problems.text(place, "token_url", auth.token_url)
        plan: WayPlan = {
            "kind": "oauth2",
            "token_url": url,
            "grant": self._grant(auth),
            "refresh_before_ns": self._duration(auth, "refresh_before", auth.refresh_before),
            "step": default_name("POST", url),
        }
        in_body = self._problems.member(place, "client_in", auth.client_in, _CLIENT_PLACES) == "body"
        if auth.client is not None:
            plan["client"] = self._client(auth, "body" if in_body else "header")
        if auth.scope is not None:
            plan["scope"] = self._problems.text(place, "scope", auth.scope)
        if auth.form:
            plan["form"] = self._form(auth)
        if auth.headers:
            plan["headers"] = self._headers(auth)
        self._share(auth, plan)
        return plan

    def _grant(self, auth: OAuth2) -> GrantPlan:
        grant, place = auth.grant, auth.place
        match grant:
            case PasswordGrant():
                return {
                    "grant": "password",
                    "username": self._secret(grant.username, "the user name", place),
                    "password": self._secret(grant.password, "the password", place),
                }
            case ClientCredentialsGrant():
                return {"grant": "client_credentials"}
            case RefreshTokenGrant():
                token = self._secret(grant.refresh_token, "the refresh token", place)
                return {"grant": "refresh_token", "refresh_token": token}

    def _client(self, auth: OAuth2, where: Literal["header", "body"]) -> ClientPlan:
        place, problems = auth.place, self._problems
        match auth.client:
            case (identity, secret):
                return {
                    "id": self._secret(identity, "the client's id", place),
                    "secret": self._secret(secret, "the client's secret", place, may_be_empty=True),
                    "place": where,
                }
            case Env() | str() as identity:
                return {"id": self._secret(identity, "the client's id", place), "place": "body"}
            case _:
                hint = 'write client=("id", env("SECRET")), or client="id" for a public client'
                problems.add(place, "client must be a pair of id and secret, or the id of a public client", hint)
                return {"id": {"text": ""}, "place": where}

    def _form(self, auth: OAuth2) -> list[tuple[str, SecretPlan]]:
        place, problems = auth.place, self._problems
        if not isinstance(auth.form, Mapping):
            problems.add(place, f"form is {kind_of(auth.form)}: it must be a dictionary of names to values")
            return []
        for name in _FIELDS.keys() & auth.form.keys():
            hint = f"{_FIELDS[name]}; any other form is sent by login(post(…, form={{…}}), token=…)"
            problems.add(place, f'form has "{name}", which each token call has already', hint)
        return [
            (
                problems.text(place, "the name of a field of form", name),
                self._secret(value, f'form: the value of "{name}"', place, may_be_empty=True),
            )
            for name, value in auth.form.items()
        ]

    def _headers(self, auth: OAuth2) -> list[Pair]:
        headers = compile_fields(auth.headers, "headers", auth.place, self._problems)
        in_header = isinstance(auth.client, tuple | list) and auth.client_in == "header"
        if in_header and any(name.lower() == "authorization" for name, _ in headers):
            hint = 'leave it out, or send the client in the body: client_in="body"'
            self._problems.add(auth.place, "headers has Authorization, which the client is sent in", hint)
        return headers

    def _login(self, auth: Login) -> WayPlan:
        place, problems = auth.place, self._problems
        plan: WayPlan = {
            "kind": "login",
            "request": self._login_request(auth),
            "token": self._found(auth.token, "token", place),
            "header": problems.text(place, "header", auth.header),
            "prefix": auth.prefix if isinstance(auth.prefix, str) else problems.text(place, "prefix", auth.prefix),
            "refresh_before_ns": self._duration(auth, "refresh_before", auth.refresh_before),
        }
        if isinstance(auth.expires_in, str):
            plan["lifetime_ns"] = self._duration(auth, "expires_in", auth.expires_in)
        elif auth.expires_in is not None:
            plan["expires_in"] = self._found(auth.expires_in, "expires_in", place)
        self._share(auth, plan)
        return plan

    def _login_request(self, auth: Login) -> StepPlan:
        if not isinstance(auth.request, Request):
            hint = 'write login(post("/session", json={…}), token=response.json("$.token"))'
            self._problems.add(auth.place, f"a login starts with a request, not {kind_of(auth.request)}", hint)
            return {"name": "", "method": "POST", "url": "/"}
        own = auth.request.options.get("auth")
        if isinstance(own, OAuth2 | Login):
            self._problems.add(auth.place, "the request of a login cannot need a token itself")
        plan = self._compile_request(auth.request)
        for looked, word in (("checks", "checks"), ("extracts", "extract")):
            if looked in plan:
                hint = "checks and extracts belong in a step; on_start=[post(…)] logs each user in with a step"
                self._problems.add(auth.request.place, f"the request of a login has no {word}", hint)
                del plan[looked]  # type: ignore[misc]
        return {name: value for name, value in plan.items() if name != "kind"}  # type: ignore[return-value]

    def _found(self, source: object, what: str, place: Place | None) -> ExtractFromPlan:
        """Where in a response a value is."""
        if isinstance(source, Default):
            self._problems.add(place, f"{what} has a default: a missing token cannot have one")
        elif isinstance(source, Extractable | Regex):
            plan = compile_extract(what, source, place, self._problems)
            if plan is not None:
                return plan["from"]
        else:
            shown = f'response.json("{source}")' if isinstance(source, str) else 'response.json("$.token")'
            hint = f"write {what}={shown}; response.regex(pattern) and response.header(name) do, too"
            self._problems.add(place, f"{what} is {kind_of(source)}: it must be a value of the response", hint)
        return {"kind": "json", "path": "$"}

    def _share(self, auth: OAuth2 | Login, plan: WayPlan) -> None:
        """How many tokens all users share, if they do not have one each."""
        shared = auth.shared
        if isinstance(auth, OAuth2) and is_one_login(plan):
            if shared not in {None, 1}:
                message = f"shared is {shared!r}, but one refresh token is one login: it gets one token"
                hint = "remove shared, or give each user its own refresh token"
                self._problems.add(auth.place, message, hint)
            shared = 1
        if shared is not None:
            plan["shared"] = self._problems.whole(auth.place, "shared", shared)

    def _duration(self, auth: OAuth2 | Login, what: str, value: str) -> int:
        return self._problems.parse(auth.place, what, parse_duration, value, 0)

    def _secret(self, secret: object, what: str, place: Place | None, *, may_be_empty: bool = False) -> SecretPlan:
        match secret:
            case Env(name):
                return {"env": self._problems.text(place, f"the environment variable of {what}", name)}
            case str() if secret or may_be_empty:
                return {"text": secret}
            case _:
                # The value itself is not shown: it may be a secret.
                needed = "a string" if may_be_empty else "a non-empty string"
                self._problems.add(place, f'{what} must be {needed}, or env("NAME")')
                return {"text": ""}

"""Logins that a recording or a collection shows: a request whose response has the token that later requests send."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loadcore.imports.draft import Auth, Template, Think, calls_of, plain, variable
from loadcore.imports.steps import removed

if TYPE_CHECKING:
    from loadcore.imports.draft import Call, Draft, Report
    from loadcore.imports.requests import Requests

_GRANTS = {
    "password": ("oauth2_password", ("username", "password")),
    "client_credentials": ("oauth2_client_credentials", ("client_id", "client_secret")),
}


def recognise_logins(draft: Draft, report: Report, requests: Requests) -> None:
    """Declares the login as the scenario's authentication: every user then has a token that is kept fresh."""
    calls = calls_of(draft.steps)
    users = [call for call in calls if _token(call)]
    tokens = {_token(call) for call in users}
    if not users or len(tokens) != 1:
        return
    name = tokens.pop() or ""
    source = next((call for call in calls if name in call.extract and call.auth is None), None)
    if source is None:
        return
    token = source.extract.pop(name)
    if _uses(calls, name, users):
        source.extract[name] = token
        return
    request = source
    if source.extract:
        # The step stays, for the other values of its response.
        request = replace(source, headers=list(source.headers), comments=[], extract={})
        requests.origins[id(request)] = requests.origins.get(id(source), "")
    else:
        draft.steps = removed(draft.steps, source)
    grant = _oauth2(request) if token.where == "$.access_token" else None
    draft.auth = grant or Auth("login", request=request, token=token)
    report.note(f"{source.method} {source.url} logs in: each user fetches a token and keeps it fresh")
    if draft.steps and isinstance(draft.steps[0], Think):
        draft.steps.pop(0)
    _hand_over(draft.auth, request, calls, requests)


def _hand_over(auth: Auth, source: Call, calls: list[Call], requests: Requests) -> None:
    """What had the token itself has it from the scenario; what had none still has none."""
    sending = [call for call in calls if _token(call)]
    for call in calls:
        if call in sending:
            call.auth = None
        elif call is not source and call.auth is None:
            call.auth = Auth("anonymous")
    origin = requests.origins.pop(id(source), None)
    if origin and origin != requests.origins.get(id(sending[0])):
        source.url = Template(origin + source.url)
        if "token_url" in auth.options:
            auth.options["token_url"] = source.url


def _token(call: Call) -> str | None:
    """The variable that a call sends as its bearer token."""
    if call.auth is None or call.auth.function != "bearer":
        return None
    sent = call.auth.arguments[0]
    return sent[1:-1] if sent.startswith("{") and not sent.startswith(("{$", "{{")) else None


def _uses(calls: list[Call], name: str, users: list[Call]) -> bool:
    """Whether something besides the authentication needs the token."""
    wanted = variable(name)
    for call in calls:
        parts = (call.url, call.params, call.headers, call.body.json, call.body.form, call.body.content)
        if wanted in repr(parts) or (call not in users and call.auth is not None and wanted in call.auth.arguments):
            return True
    return False


def _oauth2(call: Call) -> Auth | None:
    """A grant of OAuth 2, where the request is one."""
    fields = dict(call.body.form)
    grant = _GRANTS.get(fields.pop(plain("grant_type"), plain("")))
    if grant is None or len(fields) != len(call.body.form) - 1:
        return None
    function, wanted = grant
    options = {"token_url": call.url}
    for each in wanted:
        value = fields.pop(plain(each), None)
        if value is None:
            return None
        options[each] = value
    client, secret = fields.pop(plain("client_id"), None), fields.pop(plain("client_secret"), None)
    if scope := fields.pop(plain("scope"), None):
        options["scope"] = scope
    if fields or call.headers or client or secret:
        return None
    return Auth(function, options=options)

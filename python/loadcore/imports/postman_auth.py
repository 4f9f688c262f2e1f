"""Authentication of a collection, a folder or a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from loadcore.imports.draft import Auth, Template

if TYPE_CHECKING:
    from loadcore.imports.draft import Call, Report
    from loadcore.imports.postman_variables import Variables

_GRANTS = {
    "client_credentials": ("oauth2_client_credentials", {"client_id": "clientId", "client_secret": "clientSecret"}),
    "password_credentials": ("oauth2_password", {"username": "username", "password": "password"}),
}


def auth_of(given: Any, call: Call, variables: Variables, report: Report) -> Auth | None:  # noqa: ANN401 - any JSON
    """The way to authenticate; None for none."""
    kind = given.get("type") if isinstance(given, dict) else None
    if kind in {None, "noauth"}:
        return None
    fields = _fields(given.get(kind))
    match kind:
        case "bearer":
            return Auth("bearer", [_credential(variables, fields.get("token", ""), "API_TOKEN")])
        case "basic":
            user = _credential(variables, fields.get("username", ""), "API_USER")
            return Auth("basic", [user, _credential(variables, fields.get("password", ""), "API_PASSWORD")])
        case "apikey":
            key = fields.get("key") or "X-API-Key"
            if re.fullmatch(r"[\w.-]+", key, re.ASCII):
                where = "query" if fields.get("in") == "query" else "header"
                secret = _credential(variables, fields.get("value", ""), key)
                return Auth("api_key", [secret], {where: Template(key)})
        case "oauth2":
            return _oauth2(fields, variables)
    call.comments.append(f"left out: authentication of type {str(kind)[:30]}")
    report.left_out[f"authentication of type {str(kind)[:30]}"] += 1
    return None


def _oauth2(fields: dict[str, str], variables: Variables) -> Auth:
    """A grant that needs no browser; the token that Postman has got for the others."""
    url = variables.template(fields.get("accessTokenUrl", ""))
    function, names = _GRANTS.get(fields.get("grant_type", ""), ("", {}))
    if function and re.match(r"https?://|/", url):
        options = {"token_url": url}
        options |= {each: _credential(variables, fields.get(name, ""), name) for each, name in names.items()}
        return Auth(function, options=options)
    return Auth("bearer", [_credential(variables, fields.get("accessToken", ""), "API_TOKEN")])


def _credential(variables: Variables, value: str, name: str) -> Template:
    text = variables.inlined(value)
    if "{{" in text:
        return variables.template(text)
    return variables.secrets.hide(text, name)


def _fields(given: Any) -> dict[str, str]:  # noqa: ANN401 - any JSON
    """The fields, of version 2.1 (a list) or 2.0 (an object)."""
    if isinstance(given, list):
        pairs = [(each.get("key"), each.get("value")) for each in given if isinstance(each, dict)]
        return {str(key): str(value) for key, value in pairs if value is not None}
    return {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}

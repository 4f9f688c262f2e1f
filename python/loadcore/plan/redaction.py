"""Taking secrets out of a plan before it is shown or stored."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadcore.errors import Problem
    from loadcore.plan.document import PlanDocument

HIDDEN: Final = "***"
"""What stands where something was."""

_SENSITIVE: Final = re.compile(
    r"auth(?!or(?!i))|cookie|token|secret|passw|pwd|passphrase|(?:api|access|private|signing)[-_]?key|credential|signature|"
    r"session|(?:^|[^a-z_])(?:code|key|pin|otp|jwt|sid|sig)(?:$|[^a-z_])",
    re.IGNORECASE,
)
_USERINFO: Final = re.compile(r"(?<=://)[^/?#@\s]*@")
_QUERY_VALUE: Final = re.compile(r"(?<=[?&])([^=&#]+)=([^&#]*)")
_FORM: Final = re.compile(r"[^=&\s]+=[^&\s]*(?:&[^=&\s]+=[^&\s]*)*")
_VALUE_IN_MESSAGE: Final = re.compile(r"invalid (?:type|value): .+, expected ", re.DOTALL)
"""How a reader of JSON says what it found in place of another thing."""
_VARIABLE_IN_MESSAGE: Final = re.compile(r"`\{([^`{}]+)\}`")
_VARIABLE_ALONE: Final = re.compile(r"\{\$?[\w.-]+(?::\w+)?\}")


def is_sensitive(name: str) -> bool:
    """Whether what bears this name is likely to be a secret: a header, a field, a parameter, a JSON path."""
    return _SENSITIVE.search(name) is not None


def redacted_url(text: str) -> str:
    """A URL, or a string with URLs, without user info and without the values of sensitive parameters."""
    return _url(text)


def redacted_body(text: str) -> str:
    """A body without the values of sensitive names: JSON or a form. Another one that names a secret is hidden whole."""
    with suppress(ValueError):
        return json.dumps(_json(json.loads(text), is_secret=False), ensure_ascii=False)
    if _FORM.fullmatch(text):
        return _url(f"?{text}")[1:]
    return HIDDEN if is_sensitive(text) else _url(text)


def redact(document: PlanDocument) -> dict[str, Any]:
    """A copy of the plan without secrets. Names, URLs, and variables on their own (`{password}`) are kept."""
    plan: dict[str, Any] = {
        **document,
        "feeders": [_feeder({**feeder}) for feeder in document["feeders"]],
        "auth": [{**auth, "way": _way({**auth["way"]})} for auth in document["auth"]],
        "scenarios": [_any(scenario) for scenario in document["scenarios"]],
    }
    if "scripts" in document:
        plan["scripts"] = [_script({**script}) for script in document["scripts"]]
    return plan


def _script(script: dict[str, Any]) -> dict[str, Any]:
    """Hides a function that travels by itself: what it holds may be a secret."""
    if "pickled" in script:
        script["pickled"] = f"{len(script['pickled'])} bytes"
    return script


def _way(way: dict[str, Any]) -> dict[str, Any]:
    """Hides the secrets of a way to authenticate; a request and headers are as those of a scenario."""
    return {name: (_any if name in {"request", "headers"} else _secrets)(value) for name, value in way.items()}


def without_secrets(problems: Iterable[Problem], document: PlanDocument) -> list[Problem]:
    """The problems that the engine found, without names and values that the plan would not show.

    A password that holds `{braces}` asks for a variable, and its name is part of the password. A file of test data that
    has another form has accounts in it all the same.
    """
    plan = json.dumps(redact(document), ensure_ascii=False)

    def shown(match: re.Match[str]) -> str:
        return match[0] if re.search(rf"\{{{re.escape(match[1])}[:}}]", plan) else "`{***}`"

    def told(message: str) -> str:
        return _VARIABLE_IN_MESSAGE.sub(shown, _VALUE_IN_MESSAGE.sub("expected ", message))

    return [replace(problem, message=told(problem.message)) for problem in problems]


def _secrets(value: object) -> object:
    """Hides what a secret holds as text; what it is called in the environment stays."""
    match value:
        case {"text": str() as text, **rest} if not rest:
            return {"text": _hidden(text)}
        case dict():
            return {name: _secrets(member) for name, member in value.items()}
        case list() | tuple():
            return [_secrets(member) for member in value]
        case str():
            return _url(value)
        case _:
            return value


def _feeder(feeder: dict[str, Any]) -> dict[str, Any]:
    """Hides rows: they are accounts as often as not."""
    source = feeder["source"]
    if "rows" in source:
        feeder["source"] = {**source, "rows": f"{len(source['rows'])} rows"}
    return feeder


def _any(value: object) -> object:
    """Hides the value of a sensitive name anywhere in a scenario."""
    match value:
        case dict():
            shown = {name: _any(member) for name, member in value.items()}
            return {**shown, **_hidden_members(value)}
        case [str() as name, str() as text] if is_sensitive(name):
            return [name, _hidden(text)]
        case list() | tuple():
            return [_any(member) for member in value]
        case str():
            return _url(value)
        case _:
            return value


def _hidden_members(thing: dict[str, Any]) -> dict[str, Any]:
    """The members of an object of the plan that need hiding, hidden."""
    match thing:
        case {"kind": "json" | "header", "compare": compare} if is_sensitive(
            thing.get("path", thing.get("header", ""))
        ):
            return {"compare": {**compare, "value": HIDDEN}}
        case {"kind": "json", "text": str() as body}:
            return {"text": json.dumps(_json(json.loads(body), is_secret=False), ensure_ascii=False)}
        case {"text": str() as text} if is_sensitive(thing.get("name", text)):
            return {"text": _hidden(text)}
        case {"variable": variable} if is_sensitive(variable):
            return _hidden_of_variable(thing)
        case {"base64": _}:
            return {"base64": HIDDEN}
        case _:
            return {}


def _hidden_of_variable(thing: dict[str, Any]) -> dict[str, Any]:
    """What an extract or a branch says of a variable with the name of a secret."""
    match thing:
        case {"default": default}:
            return {"default": _hidden(default)}
        case {"test": {"compare": compare}}:
            return {"test": {"compare": {**compare, "value": HIDDEN}}}
        case _:
            return {}


def _json(body: object, *, is_secret: bool) -> object:
    """Hides members of a JSON body that bear a sensitive name, and all that is below them."""
    match body:
        case dict():
            return {name: _json(member, is_secret=is_secret or is_sensitive(name)) for name, member in body.items()}
        case list():
            return [_json(member, is_secret=is_secret) for member in body]
        case str():
            return _hidden(body) if is_secret else _url(body)
        case None | bool():
            return body
        case _:
            return HIDDEN if is_secret else body


def _hidden(text: str) -> str:
    return text if _VARIABLE_ALONE.fullmatch(text) else HIDDEN


def _url(text: str) -> str:
    """Hides user info, and query values of sensitive names, where the text holds any."""
    return _QUERY_VALUE.sub(_hidden_value, _USERINFO.sub(f"{HIDDEN}@", text))


def _hidden_value(match: re.Match[str]) -> str:
    name, value = match.groups()
    return f"{name}={_hidden(value)}" if is_sensitive(name) else match[0]

"""What a call says beyond its method and URL, made ready for the engine."""

from __future__ import annotations

import json
from binascii import b2a_base64
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypedDict, cast
from urllib.parse import quote_plus

from loadcore.scenario.auth import Anonymous, ApiKey, Basic, Bearer
from loadcore.scenario.http import Timeouts
from loadcore.scenario.values import Env
from loadcore.scripting.multipart import multipart
from loadcore.scripting.urls import text_of
from loadcore.wording.kinds import kind_of, shown
from loadcore.wording.statuses import parse_statuses
from loadcore.wording.suggestions import did_you_mean
from loadcore.wording.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loadcore.scenario.auth import Auth
    from loadcore.scenario.http import Expected, File
    from loadcore.scenario.values import Fields, Text


class CallOptions(TypedDict, total=False):
    """What a call may say beyond its method and URL: httpx's words, and loadcore's `name` and `expect`.

    None of it is a template: Python fills in what varies.
    """

    name: str
    """The step's name in results. By default the method, and the URL as written: `GET /items/{id}`."""
    params: Mapping[str, Text | Sequence[Text] | None]
    """Further query parameters, percent-encoded. One whose value is None is left out."""
    headers: Fields
    """Headers; they win over the scenario's."""
    cookies: Mapping[str, Text]
    """Cookies of this request, beside those that the user keeps."""
    json: Any
    """A JSON body: anything that `json.dumps` takes, and `env("NAME")`."""
    data: Fields
    """A body as a form sends it; with `files`, the other fields of the form."""
    files: Mapping[str, File | Sequence[File]]
    """A `multipart/form-data` body."""
    content: str | bytes
    """A body as it is."""
    auth: Auth | Anonymous
    """In place of the scenario's: `bearer(…)`, `basic(…)`, `api_key(…)` or `anonymous`."""
    timeout: str | Timeouts
    """In place of the run's: how long connecting may take, and then the response."""
    follow_redirects: bool
    """Whether redirects are followed. By default up to the run's `max_redirects`."""
    expect: Expected | Sequence[Expected]
    """Statuses that are not errors. By default everything below 400."""


_WORDS: Final = frozenset(CallOptions.__annotations__)
_ELSEWHERE: Final = {
    "query": "it is called params",
    "form": "it is called data",
    "text": "it is called content",
    "multipart": "it is called files, and its other fields data",
    "timeouts": "it is called timeout",
    "max_redirects": "it is called follow_redirects, and is True or False",
    "allow_redirects": "it is called follow_redirects",
    "content_type": 'write headers={"Content-Type": …}',
    "checks": 'write c.check(r.status == 200, "found") after it',
    "extract": 'write number = r.json("$.id") after it',
    "catch_response": "write expect=[…], or c.check(…) after it",
    "verify": "write http=Http(tls=Tls(insecure=True)) in the scenario",
    "path": 'values follow the URL: c.get("/items/{id}", 7)',
    "id": 'values follow the URL: c.get("/items/{id}", 7)',
}
_BODIES: Final = ("json", "data", "content", "files")


@dataclass(slots=True)
class Call:
    """A request as the engine takes it.

    Attributes:
        name: The step's name; None for the one that method and URL make.
        query: What the URL is followed by, without its question mark.
        headers: Names and values, in their order.
        body: The bytes, if there are any.
        timeouts: For connecting, the first byte and all, in nanoseconds.
        expect: First and last of each range of statuses that are not errors.
        follows: Whether redirects are followed; None as the run says.
        is_anonymous: Whether it goes without the scenario's authentication.
    """

    name: str | None = None
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    timeouts: tuple[int, int | None, int] | None = None
    expect: tuple[tuple[int, int], ...] = ()
    follows: bool | None = None
    is_anonymous: bool = False

    def with_headers(self, headers: Mapping[str, str]) -> Call:
        """The call with these headers, too; its own of the same name win."""
        own = {name.lower() for name, _ in self.headers}
        others = [(name, text_of(value)) for name, value in headers.items() if name.lower() not in own]
        return replace(self, headers=[*others, *self.headers])


PLAIN: Final = Call()
"""A call that says nothing beyond its method and URL."""


def call_of(method: str, options: CallOptions) -> Call:
    """The call with these options.

    Raises:
        TypeError: There is no such option, or a value is of a wrong kind; the message says what to write.
        ValueError: A value cannot be read; so does its message.
    """
    refuse_unknown(method, options)
    call = Call(name=_name(options), expect=_expect(options), follows=_flag(options))
    headers = list(_pairs(options.get("headers") or {}, "headers"))
    query = list(_pairs(_with_values(options.get("params") or {}), "params"))
    if cookies := options.get("cookies"):
        headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in _pairs(cookies, "cookies"))))
    if "auth" in options:
        call.is_anonymous = True
        _authenticate(options["auth"], headers, query)
    content_type, call.body = _body(method, options)
    if content_type is not None and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", content_type))
    if (timeout := options.get("timeout")) is not None:
        call.timeouts = _timeouts(timeout)
    call.headers, call.query = headers, _urlencoded(query)
    return call


def refuse_unknown(method: str, options: CallOptions) -> None:
    """Make sure that a call has no option that is not one.

    Raises:
        TypeError: It has.
    """
    if unknown := options.keys() - _WORDS:
        raise TypeError(_unknown(method, min(unknown)))


def _unknown(method: str, word: str) -> str:
    call = f'c.{method.lower()}() has no option "{word}"'
    if word in _ELSEWHERE:
        return f"{call}: {_ELSEWHERE[word]}"
    return call + did_you_mean(word, sorted(_WORDS))


def _name(options: CallOptions) -> str | None:
    name = options.get("name")
    if name is None or isinstance(name, str):
        return name
    raise TypeError(f'name is {shown(name)}: it must be a string such as "GET /items/{{id}}"')


def _flag(options: CallOptions) -> bool | None:
    follows = options.get("follow_redirects")
    if follows is None or isinstance(follows, bool):
        return follows
    raise TypeError(f"follow_redirects is {shown(follows)}: it must be True or False")


def _expect(options: CallOptions) -> tuple[tuple[int, int], ...]:
    expected = options.get("expect")
    if expected is None:
        return ()
    return _ranges(tuple(expected) if isinstance(expected, list | tuple) else (cast("Expected", expected),))


@lru_cache(256)
def _ranges(expected: tuple[Expected, ...]) -> tuple[tuple[int, int], ...]:
    try:
        return tuple(parse_statuses(each) for each in expected)
    except ValueError as error:
        raise ValueError(f"expect is {error}") from None


@lru_cache(64)
def _timeouts(timeout: str | Timeouts) -> tuple[int, int | None, int]:
    if isinstance(timeout, str):
        length = parse_duration(timeout)
        return length, None, length
    if isinstance(timeout, Timeouts):
        first = None if timeout.first_byte is None else parse_duration(timeout.first_byte)
        return parse_duration(timeout.connect), first, parse_duration(timeout.total)
    raise TypeError(f'timeout is {shown(timeout)}: it must be a duration such as "10s", or Timeouts(…)')


def _body(method: str, options: CallOptions) -> tuple[str | None, bytes | None]:
    """What the body is, and its bytes."""
    given = [word for word in _BODIES if word in options]
    match given:
        case []:
            return None, None
        case ["json"]:
            text = json.dumps(
                options["json"], ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
            )
            return "application/json", text.encode()
        case ["data"]:
            return "application/x-www-form-urlencoded", _urlencoded([*_pairs(options["data"], "data")]).encode()
        case ["data", "files"] | ["files"]:
            return multipart([*_pairs(options.get("data") or {}, "data")], options["files"])
        case ["content"]:
            return None, _raw(options["content"])
    raise TypeError(f"a request can have only one body: c.{method.lower()}() got {' and '.join(given)}")


def _raw(content: object) -> bytes:
    match content:
        case str():
            return content.encode()
        case bytes():
            return content
        case bytearray() | memoryview():
            return bytes(content)
    raise TypeError(f"content is {kind_of(content)}: it must be a string or bytes; for an object, use json")


def _plain(value: object) -> str:
    if isinstance(value, Env):
        return value.value
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _authenticate(auth: Auth | Anonymous, headers: list[tuple[str, str]], query: list[tuple[str, str]]) -> None:
    """Adds what proves who asks."""
    match auth:
        case Anonymous():
            pass
        case Bearer():
            headers.append(("Authorization", f"Bearer {text_of(auth.token)}"))
        case Basic():
            pair = f"{text_of(auth.username)}:{text_of(auth.password)}"
            headers.append(("Authorization", f"Basic {b2a_base64(pair.encode(), newline=False).decode()}"))
        case ApiKey(header=str(name)):
            headers.append((name, text_of(auth.key)))
        case ApiKey():
            query.append((auth.query or "", text_of(auth.key)))
        case _:
            raise TypeError(
                "auth of a call is bearer(…), basic(…), api_key(…) or anonymous; other ways belong to the scenario"
            )


def _pairs(fields: Mapping[str, Any], word: str) -> Iterator[tuple[str, str]]:
    """Names and values as they are sent; a list of values repeats the name."""
    try:
        items = fields.items()
    except AttributeError:
        raise TypeError(f"{word} is {kind_of(fields)}: it must be a dictionary of names to values") from None
    for name, value in items:
        for each in value if isinstance(value, list | tuple) else (value,):
            if not isinstance(each, str | int | float | Env):
                raise TypeError(f'{word}: the value of "{name}" is {kind_of(each)}: it must be a string or a number')
            yield name, text_of(each)


def _with_values(params: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in params.items() if value is not None} if isinstance(params, dict) else params


def _urlencoded(pairs: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)

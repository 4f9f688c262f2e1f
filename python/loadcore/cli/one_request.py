"""A scenario out of the arguments of `bench`: one request, and a load."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from loadcore.errors import UsageError
from loadcore.wording.units import format_duration, parse_duration, parse_rate

if TYPE_CHECKING:
    from loadcore.scenario.auth import Basic
    from loadcore.scenario.http import Request
    from loadcore.scenario.load_models import Load
    from loadcore.scenario.scenario import Scenario

CONNECTIONS = 50
DURATION = "10s"
_FORM = re.compile(rb"[^\s=&]+=[^\s&]*(?:&[^\s=&]+=[^\s&]*)*")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart.

    Attributes:
        origin: Scheme, host and port.
        path: Path and query, as written; at least `/`.
        credentials: User name and password of `http://user:password@host`, percent-decoded.
    """

    origin: str
    path: str
    credentials: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]


def target_of(url: str) -> Target:
    """The parts of a URL.

    Raises:
        UsageError: It is not a URL that can be requested.
    """
    from loadcore.compiler.addresses import refuse_odd

    try:
        refuse_odd(url)
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(
            f"this is not a URL to request: {error}", hint="write it as http://127.0.0.1:8080/path"
        ) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{_without_secrets(url)} is not a URL to request", hint=_remedy(url))
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(f"{parts.scheme}://{host}", path, (unquote(name), unquote(password)) if at else None)


def credentials_of(user: str | None, target: Target) -> Basic | None:
    """The way to authenticate, by `-a` or by the URL.

    Raises:
        UsageError: They were given twice, or are not a user and a password.
    """
    from loadcore.scenario.auth import basic

    given = target.credentials
    if user is not None:
        name, colon, password = user.partition(":")
        if given is not None:
            raise UsageError("-a and the URL both contain a user", hint="specify the user once")
        if not colon or not name:
            raise UsageError("-a needs a user and a password", hint="write -a USER:PASSWORD")
        given = name, password
    return None if given is None else basic(_literal(given[0]), _literal(given[1]))


def request_of(
    target: Target, method: str | None, header: list[str], body: bytes | None, content_type: str | None = None
) -> Request:
    """The request as it was described. What looks like a `{variable}` is sent as it stands: there are none here.

    Raises:
        UsageError: The content type was given twice.
    """
    from loadcore.scenario.http import RequestOptions
    from loadcore.scenario.http import request as declare

    headers: dict[str, list[str]] = {}
    for line in header:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip(), []).append(_literal(value.strip()))
    typed = "content-type" in {name.lower() for name in headers}
    if typed and content_type is not None:
        raise UsageError("-T and -H both set a Content-Type", hint="set it once")
    chosen = (method or ("GET" if body is None else "POST")).upper()
    options = RequestOptions(name=f"{chosen} {target.name}", headers=headers)
    if body is not None:
        options["content"] = body
        if not typed:
            options["content_type"] = _literal(content_type or guessed_type(body))
    elif content_type is not None:
        headers["Content-Type"] = [_literal(content_type)]
    return declare(chosen, _literal(target.path), **options)


def load_of(connections: int | None, rate: str | None, number: int | None, duration: str | None) -> Load:
    """The load: a number of requests, a rate, or users, for a limited time."""
    from loadcore.scenario.load_models import arrival_rate, iterations, users

    if rate is not None:
        lasts_ns = parse_duration(duration or DURATION)
        if number is not None:
            each = parse_rate(rate)
            # Rounded down, so that the request after the last one is not due any more.
            needed_ns = number * each.per_ns // each.count
            lasts_ns = needed_ns if duration is None else min(needed_ns, lasts_ns)
        return arrival_rate(rate, duration=format_duration(max(lasts_ns, 1)), max_users=connections)
    if number is not None:
        count = min(connections or CONNECTIONS, number)
        if duration is None:
            return iterations(total=number, users=count)
        return iterations(total=number, users=count, max_duration=duration)
    return users(connections or CONNECTIONS, duration=duration or DURATION)


def body_of(data: str | None, data_file: Path | None) -> bytes | None:
    """The body to send, if any: `--data TEXT`, `--data @FILE`, `--data @-` for standard input, or `-D FILE`.

    Raises:
        UsageError: It was given twice, or the file cannot be read.
    """
    if data is not None and data_file is not None:
        raise UsageError("--data and -D exclude each other", hint="specify the body once")
    if data is not None and not data.startswith("@"):
        return data.encode()
    if data == "@-":
        return sys.stdin.buffer.read()
    file = Path(data[1:]) if data is not None else data_file
    if file is None:
        return None
    try:
        return file.read_bytes()
    except OSError as problem:
        hint = "--data @FILE sends a file; to send text that begins with @, pipe it: … | loadcore bench --data @-"
        message = f"cannot read the body from {file or 'a file without a name'}: {problem.strerror}"
        raise UsageError(message, hint=hint if data is not None else None) from problem


def scenario_of(
    target: Target, request: Request, load: Load, *, auth: Basic | None, timeout: str, insecure: bool, keep_alive: bool
) -> Scenario:
    """A scenario whose only step is the request, and whose users keep no cookies, as with wrk, hey and oha.

    To look for them in every response would double the engine's instructions per request.
    """
    from loadcore.scenario.http import Http, Timeouts, Tls
    from loadcore.scenario.scenario import Scenario

    http = Http(
        timeouts=Timeouts(total=timeout),
        reuse="user" if keep_alive else "request",
        tls=Tls(insecure=insecure),
        cookies=False,
    )
    return Scenario("bench", base_url=target.origin, load=load, auth=auth, steps=[request], http=http)


def guessed_type(body: bytes) -> str:
    """The content type of a body that came without one."""
    try:
        json.loads(body)
    except ValueError:
        pass
    else:
        return "application/json"
    if _FORM.fullmatch(body):
        return "application/x-www-form-urlencoded"
    try:
        body.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain; charset=utf-8" if b"\x00" not in body else "application/octet-stream"


def _remedy(url: str) -> str:
    """What to do about something that is not an HTTP URL."""
    scheme, separator, _ = url.partition("://")
    if Path(url).is_file():
        return f"{url} is a file; to run a scenario: loadcore run {url}"
    if separator and scheme in {"ws", "wss"}:
        return "loadcore does not speak WebSocket; a URL starts with http:// or https://"
    if separator:
        return "a URL starts with http:// or https://"
    return f"write http://{_without_secrets(url)}"


def _without_secrets(url: str) -> str:
    """The URL less user, password and query, which may be secrets."""
    scheme, separator, rest = url.rpartition("://")
    return scheme + separator + rest.rpartition("@")[2].partition("?")[0]


def _literal(text: str) -> str:
    """The text with its braces doubled, so that none of them begins a variable."""
    return text.replace("{", "{{").replace("}", "}}")

"""Plain requests of an `HttpSession`, prepared without `requests`, byte for byte as `requests` would.

A request is plain if everything about it is of a known kind: then a dictionary look-up or two replace what `requests`
does in 100 µs. All others are prepared by `requests` itself.
"""

from __future__ import annotations

import functools
import json as standard_json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import requests
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.compat import json as complexjson
from requests.models import PreparedRequest, RequestEncodingMixin
from requests.structures import CaseInsensitiveDict

from loadcore.locustfiles.crossing import NO_TIMEOUTS, NS, Timeouts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadcore.locustfiles.crossing import Wish

_PLAIN_ARGUMENTS = frozenset({"params", "headers", "auth", "timeout", "allow_redirects", "verify"})
WRITTEN_AS_IT_IS = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*(?:\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?]*)?\Z")
NAME_OF_A_HEADER = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""What the engine sends, and HTTP allows (RFC 9110, 5.1)."""
OF_THE_BODY_OR_CONNECTION = frozenset({"content-length", "transfer-encoding", "connection"})
"""Headers that are the engine's: it says how long the body is, and keeps connections, unless one is to close."""
_CONNECTIONS = frozenset({"keep-alive", "close"})
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_JSON = ("Content-Type", "application/json")
# What `dumps` makes for each call, unless another module takes its place.
_dumped = (
    complexjson.JSONEncoder(allow_nan=False).encode
    if complexjson is standard_json
    else functools.partial(complexjson.dumps, allow_nan=False)
)


class Plain(NamedTuple):
    """A request that is ready to be sent, without its body and cookies."""

    method: str
    url: str
    path_url: str
    headers: list[tuple[str, str]]
    timeouts: Timeouts
    verify: bool

    def as_requests(self, wish: Wish) -> PreparedRequest:
        """The same as `requests` has it, with the body and the cookies that it was sent with."""
        prepared = PreparedRequest()
        prepared.method, prepared.url, prepared.body = self.method, self.url, wish.body
        prepared.headers = CaseInsensitiveDict({"Connection": "keep-alive", **dict(wish.headers)})
        if wish.body:
            prepared.headers["Content-Length"] = str(len(wish.body))
        prepared.hooks = {"response": []}
        prepared._cookies = requests.cookies.RequestsCookieJar()
        return prepared


class Preparing:
    """Prepares the plain requests of a session as it is, and of all that are like it.

    Args:
        session: A session whose headers are of the class that `requests` gives them. It may change afterwards.
    """

    def __init__(self, session: requests.Session) -> None:
        self._base_url: str = session.base_url
        self._auth, self._verify = session.auth, session.verify
        self._path = _path_of(self._base_url)
        self._defaults: list[tuple[str, str]] = []
        self._names: frozenset[str] = frozenset()
        self._is_plain = self._learn(dict(session.headers.items()))

    def plain(
        self, method: str, url: str, content_type: tuple[str, str] | None, arguments: dict[str, Any]
    ) -> Plain | None:
        """The request, or None if it is for `requests` to prepare."""
        if (
            not self._is_plain
            or type(method) is not str
            or type(url) is not str
            or not arguments.keys() <= _PLAIN_ARGUMENTS
        ):
            return None
        verify = arguments.get("verify")
        verify = self._verify if verify is None else verify
        timeouts = timeouts_of(arguments.get("timeout"))
        target = self._target(url, arguments.get("params"))
        if target is None or timeouts is None or (verify is not True and verify is not False):
            return None
        headers = self._headers(arguments.get("headers"), content_type)
        if headers is None or not self._authorize(headers, arguments.get("auth")):
            return None
        complete, path_url = target
        return Plain(method.upper(), complete, path_url, headers, timeouts, verify)

    def _target(self, url: str, params: Any) -> tuple[str, str] | None:
        if self._path is None or not WRITTEN_AS_IT_IS.match(url) or "/." in url:
            return None
        if params is not None:
            if type(params) is not dict or not all(type(value) in (str, int) for value in params.values()):
                return None
            if params:
                url += ("&" if "?" in url else "?") + urlencode(params)
        return self._base_url + url, self._path + url

    def _headers(self, own: Any, content_type: tuple[str, str] | None) -> list[tuple[str, str]] | None:
        if not own:
            headers = self._defaults.copy()
            if content_type and "content-type" not in self._names:
                headers.append(content_type)
            return headers
        if type(own) is not dict or not all(is_plain_header(name, value) for name, value in own.items()):
            return None
        names = {name.lower() for name in own}
        if not names.isdisjoint(OF_THE_BODY_OR_CONNECTION) or len(names) < len(own):
            return None
        headers = [header for header in self._defaults if header[0].lower() not in names]
        headers.extend(own.items())
        if content_type and "content-type" not in names and "content-type" not in self._names:
            headers.append(content_type)
        return headers

    def _learn(self, fields: dict[str, Any]) -> bool:
        """Take in the session's own headers; whether they are plain."""
        if not all(is_plain_header(name, value) for name, value in fields.items()):
            return False
        names = {name.lower() for name in fields}
        connection = next((value for name, value in fields.items() if name.lower() == "connection"), "keep-alive")
        if connection.lower() not in _CONNECTIONS or not names.isdisjoint(OF_THE_BODY_OR_CONNECTION - {"connection"}):
            return False
        self._names = frozenset(names)
        self._defaults = without_ours(fields.items())
        return True

    def _authorize(self, headers: list[tuple[str, str]], auth: Any) -> bool:
        """Add basic authentication, in place of a header of that name; whether it is plain."""
        auth = auth or self._auth
        if not auth:
            return True
        if type(auth) is HTTPBasicAuth:
            auth = auth.username, auth.password
        if type(auth) is not tuple or len(auth) != 2 or not all(type(part) is str for part in auth):  # noqa: PLR2004
            return False
        headers[:] = [header for header in headers if header[0].lower() != "authorization"]
        headers.append(("Authorization", _basic_auth_str(*auth)))
        return True


def timeouts_of(timeout: Any) -> Timeouts | None:
    """A timeout of `requests` as the engine has it; None if it is of a kind of its own."""
    if timeout is None:
        return NO_TIMEOUTS
    connect, read = timeout if type(timeout) is tuple and len(timeout) == 2 else (timeout, timeout)  # noqa: PLR2004
    if any(type(each) not in (int, float, type(None)) or (each is not None and each <= 0) for each in (connect, read)):
        return None
    return Timeouts(*(None if each is None else int(each * NS) for each in (connect, read)))


@functools.lru_cache(maxsize=256)
def _path_of(base: str) -> str | None:
    """The path of a base URL, if the URLs that begin with it are written as they are."""
    probe = PreparedRequest()
    try:
        probe.prepare_url(f"{base}/x?y=z", None)
    except (requests.exceptions.RequestException, ValueError):
        return None
    if probe.url != f"{base}/x?y=z":
        return None
    return probe.path_url.removesuffix("/x?y=z")


def is_plain_header(name: object, value: object) -> bool:
    """Whether a header can be sent as it is, beyond doubt."""
    return (
        type(name) is str
        and type(value) is str
        and bool(NAME_OF_A_HEADER.fullmatch(name))
        and value.isascii()
        and not (value and value[0].isspace())
        and not any(each in value for each in "\r\n")
    )


def without_ours(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers as they are sent."""
    sent = []
    for name, value in headers:
        known = name.lower()
        if known not in OF_THE_BODY_OR_CONNECTION:
            sent.append((name, value))
        elif known == "connection" and "close" in (option.strip().lower() for option in value.split(",")):
            sent.append((name, "close"))
    return sent


def body_of(method: str, data: Any, json: Any) -> tuple[bytes | None, tuple[str, str] | None] | None:
    """The body and its type; None if it is for `requests` to encode."""
    if not data and json is not None:
        try:
            return _dumped(json).encode(), _JSON
        except (ValueError, TypeError):
            return None
    if not isinstance(data, (str, bytes, dict, list, tuple, type(None))):
        return None
    if not data:
        return (None if method.upper() in _WITHOUT_BODY else b""), None
    if isinstance(data, (str, bytes)):
        return (data.encode() if isinstance(data, str) else data), None
    return RequestEncodingMixin._encode_params(data).encode(), _FORM

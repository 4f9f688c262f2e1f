"""Plain requests of an `HttpSession`, prepared without `requests`, byte for byte as `requests` would.

A request is plain if everything about it is of a known kind: then a dictionary look-up or two replace what `requests`
does in 100 µs. All others are prepared by `requests` itself.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import urlencode

import requests
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.compat import json as complexjson
from requests.models import PreparedRequest, RequestEncodingMixin
from requests.structures import CaseInsensitiveDict

from loadcore.locustfiles.cookies import CountedJar
from loadcore.locustfiles.crossing import NO_TIMEOUTS, NS, Timeouts

_PLAIN_ARGUMENTS = frozenset({"params", "headers", "auth", "timeout", "allow_redirects", "verify"})
WRITTEN_AS_IT_IS = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*(?:\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?]*)?\Z")
OF_THE_BODY_OR_CONNECTION = frozenset({"content-length", "transfer-encoding", "connection"})
"""Headers that are the engine's: it says how long the body is, and keeps connections itself."""
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_JSON = ("Content-Type", "application/json")


class Plain(NamedTuple):
    """A request that is ready to be sent."""

    method: str
    url: str
    path_url: str
    headers: list[tuple[str, str]]
    body: bytes | None
    timeouts: Timeouts
    verify: bool

    def as_requests(self) -> PreparedRequest:
        """The same as `requests` has it."""
        prepared = PreparedRequest()
        prepared.method, prepared.url, prepared.body = self.method, self.url, self.body
        prepared.headers = CaseInsensitiveDict({"Connection": "keep-alive", **dict(self.headers)})
        if self.body:
            prepared.headers["Content-Length"] = str(len(self.body))
        prepared.hooks = {"response": []}
        prepared._cookies = requests.cookies.RequestsCookieJar()
        return prepared


class Preparing:
    """Prepares the plain requests of one session, and remembers what is the same in all of them."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session
        self._bases: dict[str, str | None] = {}
        self._of_session: dict[str, Any] | None = None
        self._defaults: list[tuple[str, str]] = []
        self._names: frozenset[str] = frozenset()

    def plain(self, method: str, url: str, data: Any, json: Any, arguments: dict[str, Any]) -> Plain | None:
        """The request, or None if it is for `requests` to prepare."""
        session = self._session
        if (
            type(method) is not str
            or type(url) is not str
            or not arguments.keys() <= _PLAIN_ARGUMENTS
            or not self._is_session_plain()
        ):
            return None
        verify = arguments.get("verify")
        verify = session.verify if verify is None else verify
        timeouts = timeouts_of(arguments.get("timeout"))
        target = self._target(url, arguments.get("params"))
        if target is None or timeouts is None or (verify is not True and verify is not False):
            return None
        method = method.upper()
        encoded = _body(method, data, json)
        if encoded is None:
            return None
        body, content_type = encoded
        headers = self._headers(arguments.get("headers"), content_type)
        if headers is None or not self._authorize(headers, arguments.get("auth")):
            return None
        complete, path_url = target
        if len(session.cookies._cookies):
            cookie = self._cookie(complete)
            if cookie is None:
                return None
            if cookie:
                headers.append(("Cookie", cookie))
        return Plain(method, complete, path_url, headers, body, timeouts, verify)

    def _is_session_plain(self) -> bool:
        """Whether nothing of the session itself has a say in its requests, beyond headers, cookies and `verify`."""
        session = self._session
        return not (
            session.trust_env
            or session.proxies
            or session.params
            or session.cert
            or session.stream
            or session.hooks.get("response")
            or type(session.cookies) is not CountedJar
        )

    def _target(self, url: str, params: Any) -> tuple[str, str] | None:
        base = self._session.base_url
        known = self._bases.get(base, ...)
        if known is ...:
            known = self._bases[base] = _path_of(base)
        if known is None or not WRITTEN_AS_IT_IS.match(url) or "/." in url:
            return None
        if params is not None:
            if type(params) is not dict or not all(type(value) in (str, int) for value in params.values()):
                return None
            if params:
                url += ("&" if "?" in url else "?") + urlencode(params)
        return base + url, known + url

    def _headers(
        self,
        own: Any,
        content_type: tuple[str, str] | None,
    ) -> list[tuple[str, str]] | None:
        of_session = self._session.headers
        if type(of_session) is not CaseInsensitiveDict:
            return None
        store = of_session._store
        is_known = self._of_session is not None and dict.__eq__(store, self._of_session)
        if not is_known and not self._learn(store):
            return None
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

    def _learn(self, store: dict[str, Any]) -> bool:
        """Take in the session's own headers; whether they are plain."""
        fields = dict(store.values())
        if not all(is_plain_header(name, value) for name, value in fields.items()):
            return False
        names = {name.lower() for name in fields}
        connection = next((value for name, value in fields.items() if name.lower() == "connection"), "keep-alive")
        if connection.lower() != "keep-alive" or not names.isdisjoint(OF_THE_BODY_OR_CONNECTION - {"connection"}):
            return False
        self._of_session = dict(store)
        self._names = frozenset(names)
        self._defaults = [(name, value) for name, value in fields.items() if name.lower() != "connection"]
        return True

    def _authorize(self, headers: list[tuple[str, str]], auth: Any) -> bool:
        """Add basic authentication, in place of a header of that name; whether it is plain."""
        auth = auth or self._session.auth
        if not auth:
            return True
        if type(auth) is HTTPBasicAuth:
            auth = auth.username, auth.password
        if type(auth) is not tuple or len(auth) != 2 or not all(type(part) is str for part in auth):  # noqa: PLR2004
            return False
        headers[:] = [header for header in headers if header[0].lower() != "authorization"]
        headers.append(("Authorization", _basic_auth_str(*auth)))
        return True

    def _cookie(self, url: str) -> str | None:
        jar: CountedJar = self._session.cookies
        return jar.header_for(url)


def timeouts_of(timeout: Any) -> Timeouts | None:
    """A timeout of `requests` as the engine has it; None if it is of a kind of its own."""
    if timeout is None:
        return NO_TIMEOUTS
    connect, read = timeout if type(timeout) is tuple and len(timeout) == 2 else (timeout, timeout)  # noqa: PLR2004
    if any(type(each) not in (int, float, type(None)) or (each is not None and each <= 0) for each in (connect, read)):
        return None
    return Timeouts(*(None if each is None else int(each * NS) for each in (connect, read)))


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
        and name.isascii()
        and value.isascii()
        and bool(name)
        and not name[0].isspace()
        and not (value and value[0].isspace())
        and not any(each in value for each in "\r\n")
        and not any(each in name for each in "\r\n: ")
    )


def _body(method: str, data: Any, json: Any) -> tuple[bytes | None, tuple[str, str] | None] | None:
    """The body and its type; None if it is for `requests` to encode."""
    if not data and json is not None:
        try:
            return complexjson.dumps(json, allow_nan=False).encode(), _JSON
        except (ValueError, TypeError):
            return None
    if not isinstance(data, (str, bytes, dict, list, tuple, type(None))):
        return None
    if not data:
        return (None if method in _WITHOUT_BODY else b""), None
    if isinstance(data, (str, bytes)):
        return (data.encode() if isinstance(data, str) else data), None
    return RequestEncodingMixin._encode_params(data).encode(), _FORM

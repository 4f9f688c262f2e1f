"""Plain requests of a `FastHttpSession`, prepared without geventhttpclient, as it would."""

from __future__ import annotations

import json as standard_json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from geventhttpclient.url import URL
from locust.contrib import fasthttp

from loadcore.engine import Snapshot
from loadcore.locustfiles import fast_settings
from loadcore.locustfiles.prepared import WRITTEN_AS_IT_IS, is_plain_header, without_ours
from loadcore.locustfiles.request_event import RequestEvent

if TYPE_CHECKING:
    from loadcore.locustfiles.crossing import Hold, Timeouts, Wish
    from loadcore.locustfiles.known_requests import Known, KnownRequests, OfSender

_PLAIN_ARGUMENTS = frozenset(
    {"name", "data", "catch_response", "headers", "auth", "json", "allow_redirects", "context", "params"}
)
_ADDED: dict[Any, list[tuple[str, str]]] = {
    None: [],
    "json": [("Content-Type", "application/json"), ("Accept", "application/json")],
    dict: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
    str: [("Content-Type", "text/plain; charset=utf-8")],
    bytes: [("Content-Type", "application/octet-stream")],
}
"""Headers that come with a body, by its kind."""
_NONE: dict[str, str] = {}
_WATCHED = frozenset({"auth_header", "base_url", "client", "cookiejar", "request_event"})
"""Attributes of a session that have a say in what it sends, or in who hears of it."""
_ENCODINGS = ("Accept-Encoding", "gzip, deflate, br")


class FastPlain(NamedTuple):
    """A request that is ready to be sent, without its body."""

    method: str
    url: str
    built_url: str
    headers: list[tuple[str, str]]
    timeouts: Timeouts
    verify: bool


class FastPreparing:
    """Prepares the plain requests of one session.

    Args:
        session: The session.
        known: The requests of all sessions.
    """

    slots: fast_settings.Slots
    """How many requests to its host may be under way."""
    _requests: OfSender

    def __init__(self, session: Any, known: KnownRequests) -> None:
        self._session = session
        self._known = known
        self._find = known.sites.find
        self._agent = agent = session.client
        settings = agent.clientpool.client_args
        self._timeouts = fast_settings.timeouts(settings)
        self._verify = fast_settings.verification(settings)
        self._defaults = without_ours((name, str(value)) for name, value in agent.default_headers.items())
        self._is_able = (
            type(session) is fasthttp.FastHttpSession
            and type(agent) is fasthttp.LocustUserAgent
            and not settings.get("proxy_host")
            and all(is_plain_header(*header) for header in self._defaults)
        )
        self._snapshot: Snapshot | None = None

    def known(
        self, method: str, url: str, name: str | None, hold: Hold, options: dict[str, Any]
    ) -> tuple[Known, Wish, Any] | None:
        """The request of a call, what is sent, and the body as Locust has it; None if it is for geventhttpclient."""
        snapshot = self._snapshot
        if (snapshot is None or not snapshot.holds(self._session.__dict__)) and not self._look():
            return None
        headers = options.get("headers") or _NONE
        if not options.keys() <= _PLAIN_ARGUMENTS or type(headers) is not dict or options.get("auth"):
            return None
        body, payload, kind = None, None, None
        if "data" in options or "json" in options:
            encoded = _body(options)
            if encoded is None:
                return None
            body, payload, kind = encoded
        params = options.get("params")
        request = None if params else self._find(self._requests, url, method, name, hold, kind, headers)
        if request is None:
            request = self._request(method, url, name, hold, kind, headers, params)
            if request is None:
                return None
        return request, request.wish if body is None else request.wish_with(body, None), payload

    def _look(self) -> bool:
        """Look at the session, which is new or has changed; whether its requests may be plain."""
        session = self._session
        self._snapshot = None
        if (
            not self._is_able
            or session.client is not self._agent
            or session.auth_header
            or type(session.cookiejar._cookies) is not dict
            or session.cookiejar._cookies
            or type(session.request_event) is not RequestEvent
        ):
            return False
        base = session.base_url
        if type(base) is not str or not base.isascii() or not base.startswith(("http://", "https://")):
            return False
        if self._verify is None and base.startswith("https:"):
            return False
        url = URL(base)
        self.slots = fast_settings.slots(self._agent.clientpool, url.host, url.port)
        self._requests = self._known.of_sender((base, self._timeouts, self._verify, *self._defaults))
        self._snapshot = Snapshot(session.__dict__, _WATCHED, [session.cookiejar._cookies])
        return True

    def _request(
        self, method: str, url: str, name: str | None, hold: Hold, kind: Any, headers: dict[str, str], params: Any
    ) -> Known | None:
        """The request without its body: looked up, or written now."""
        key = (method, url, name, hold, kind, *headers.items())
        try:
            request = None if params else self._requests.get(key)
        except TypeError:  # something that cannot be looked up is not plain
            return None
        if request is None:
            plain = self._plain(method, url, self._session.base_url, params, headers, kind)
            if plain is None:
                return None
            request = self._known.write(name or url, method, plain, hold)
            if params:
                return request
            self._known.keep(self._requests, key, request)
        self._known.sites.keep(self._requests, url, method, name, hold, kind, headers, request)
        return request

    def _plain(self, method: str, url: str, base: str, params: Any, own: dict[str, str], kind: Any) -> FastPlain | None:
        if (
            type(method) is not str
            or type(url) is not str
            or not WRITTEN_AS_IT_IS.match(url)
            or "/." in url
            or url.startswith("//")
            or not all(is_plain_header(name, value) for name, value in own.items())
        ):
            return None
        target = _target(url, params)
        names = {name.lower() for name in own}
        if target is None or "content-length" in names or "connection" in names:
            return None
        fields = [header for header in self._defaults if header[0].lower() not in names]
        fields.extend(own.items())
        if "accept-encoding" not in names:
            fields.append(_ENCODINGS)
        fields.extend(header for header in _ADDED[kind] if header[0].lower() not in names)
        return FastPlain(method.upper(), base + target, base + url, fields, self._timeouts, bool(self._verify))


def _target(url: str, params: Any) -> str | None:
    if not params:
        return url
    if type(params) is not dict or not all(type(value) in (str, int) for value in params.values()) or "?" in url:
        return None
    return f"{url}?{urlencode(params)}"


def _body(options: dict[str, Any]) -> tuple[bytes | None, Any, Any] | None:
    """The body, what Locust makes it of, and of which kind it is; None if it is for geventhttpclient."""
    data, json = options.get("data"), options.get("json")
    if not data and json is not None:
        try:
            dumped = standard_json.dumps(json)
        except (TypeError, ValueError):
            return None
        return dumped.encode(), dumped, "json"
    if not data:
        return None, None, None
    kind = type(data)
    if kind not in _ADDED:
        return None
    written = urlencode(data) if kind is dict else data
    return (written.encode() if isinstance(written, str) else written), data, kind

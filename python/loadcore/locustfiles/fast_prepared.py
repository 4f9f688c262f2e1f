"""Plain requests of a `FastHttpSession`, prepared without geventhttpclient, as it would."""

from __future__ import annotations

import json as standard_json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from geventhttpclient.url import URL
from locust.contrib import fasthttp

from loadcore.locustfiles import fast_settings
from loadcore.locustfiles.prepared import OF_THE_BODY_OR_CONNECTION, WRITTEN_AS_IT_IS, is_plain_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from gevent.lock import BoundedSemaphore

    from loadcore.locustfiles.crossing import Timeouts

_PLAIN_ARGUMENTS = frozenset(
    {"name", "data", "catch_response", "headers", "auth", "json", "allow_redirects", "context", "params"}
)
_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_ENCODINGS = ("Accept-Encoding", "gzip, deflate, br")


class FastPlain(NamedTuple):
    """A request that is ready to be sent."""

    method: str
    url: str
    built_url: str
    headers: list[tuple[str, str]]
    body: bytes | None
    timeouts: Timeouts
    verify: bool
    slots: BoundedSemaphore
    as_request: Callable[[], Any]


class FastPreparing:
    """Prepares the plain requests of one session.

    Args:
        session: The session.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        agent = session.client
        settings = agent.clientpool.client_args
        self._is_plain = (
            type(session) is fasthttp.FastHttpSession
            and type(agent) is fasthttp.LocustUserAgent
            and not settings.get("proxy_host")
        )
        self._timeouts = fast_settings.timeouts(settings)
        self._slots_of: dict[str, BoundedSemaphore] = {}
        self._verify = fast_settings.verification(settings)
        defaults = agent.default_headers.items()
        self._defaults = [
            (name, str(value)) for name, value in defaults if name.lower() not in OF_THE_BODY_OR_CONNECTION
        ]
        self._names = {name.lower() for name, _ in self._defaults}
        if not all(is_plain_header(*header) for header in self._defaults):
            self._is_plain = False

    def plain(self, method: str, url: str, options: dict[str, Any]) -> FastPlain | None:
        """The request, or None if it is for geventhttpclient to prepare."""
        session = self._session
        headers = options.get("headers")
        if (
            not self._is_plain
            or type(method) is not str
            or type(url) is not str
            or not options.keys() <= _PLAIN_ARGUMENTS
            or options.get("auth")
            or session.auth_header
            or len(session.cookiejar)
            or not WRITTEN_AS_IT_IS.match(url)
            or "/." in url
            or (headers is not None and type(headers) is not dict)
        ):
            return None
        base = session.base_url
        if type(base) is not str or not base.isascii() or not base.startswith(("http://", "https://")):
            return None
        own = {} if headers is None else headers
        encoded = _body(options, own)
        target = _target(url, options.get("params"))
        if (
            encoded is None
            or target is None
            or (self._verify is None and base.startswith("https:"))
            or not all(is_plain_header(name, value) for name, value in own.items())
        ):
            return None
        body, payload, added = encoded
        names = {name.lower() for name in own}
        if "content-length" in names or "connection" in names:
            return None
        fields = [header for header in self._defaults if header[0].lower() not in names]
        fields.extend(own.items())
        if "accept-encoding" not in names:
            fields.append(_ENCODINGS)
        fields.extend(header for header in added if header[0].lower() not in names)

        def as_request() -> Any:
            return session.client._make_request(
                base + url,
                method=method,
                headers=fasthttp.Headers(dict(fields)),
                payload=payload,
                params=options.get("params"),
            )

        return FastPlain(
            method.upper(),
            base + target,
            base + url,
            fields,
            body,
            self._timeouts,
            bool(self._verify),
            self._slots(base),
            as_request,
        )

    def _slots(self, base: str) -> BoundedSemaphore:
        known = self._slots_of.get(base)
        if known is None:
            url = URL(base)
            known = self._slots_of[base] = fast_settings.slots(self._session.client.clientpool, url.host, url.port)
        return known


def _target(url: str, params: Any) -> str | None:
    if not params:
        return url
    if type(params) is not dict or not all(type(value) in (str, int) for value in params.values()) or "?" in url:
        return None
    return f"{url}?{urlencode(params)}"


def _body(options: dict[str, Any], own: dict[str, str]) -> tuple[bytes | None, Any, list[tuple[str, str]]] | None:
    """The body, what Locust makes it of, and the headers that come with it; None if it is for geventhttpclient."""
    data, json = options.get("data"), options.get("json")
    typed = any(name.lower() == "content-type" for name in own)
    if not data and json is not None:
        try:
            dumped = standard_json.dumps(json)
        except (TypeError, ValueError):
            return None
        return dumped.encode(), dumped, [("Content-Type", "application/json"), ("Accept", "application/json")]
    if not data:
        return None, None, []
    kinds: dict[type, str] = {dict: _FORM, str: "text/plain; charset=utf-8", bytes: "application/octet-stream"}
    if type(data) not in kinds:
        return None
    written = urlencode(data) if isinstance(data, dict) else data
    added = [] if typed else [("Content-Type", kinds[type(data)])]
    return (written.encode() if isinstance(written, str) else written), data, added

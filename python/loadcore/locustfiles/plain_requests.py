"""Which calls of an `HttpSession` are plain, and what is sent for them: looked up where it was written before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from locust import clients
from requests.auth import HTTPBasicAuth
from requests.structures import CaseInsensitiveDict

from loadcore.engine import Snapshot
from loadcore.locustfiles.cookies import CountedJar
from loadcore.locustfiles.known_requests import Known, KnownRequests, OfSender
from loadcore.locustfiles.prepared import Preparing, body_of
from loadcore.locustfiles.request_event import RequestEvent

if TYPE_CHECKING:
    from loadcore.locustfiles.crossing import Hold, Wish

_OVERRIDABLE = (
    "prepare_request",
    "send",
    "get_adapter",
    "rebuild_auth",
    "_build_url",
    "_send_request_safe_mode",
    "__getattribute__",
)
_WATCHED = frozenset(
    {
        "adapters",
        "auth",
        "base_url",
        "cert",
        "cookies",
        "headers",
        "hooks",
        "params",
        "proxies",
        "request_event",
        "stream",
        "trust_env",
        "verify",
    }
)
"""Attributes of a session that have a say in what it sends, or in who hears of it."""
_CONTAINERS = (dict, list)
_SENDER = "_loadcore_sender"
_NONE: dict[str, str] = {}
_KNOWN_ARGUMENTS = frozenset({"headers", "allow_redirects", "timeout", "verify"})
"""Arguments with which a request is looked up. With others it is written again."""


class _Sender:
    """What a session has in common with others that send the same, when it was last looked at."""

    __slots__ = ("auth", "base_url", "preparing", "requests", "snapshot", "store", "verify")

    snapshot: Snapshot
    """All that matters of the session, as it was then."""

    def __init__(self, session: Any, known: KnownRequests) -> None:
        self.preparing = Preparing(session)
        self.base_url = session.base_url
        self.verify = session.verify
        self.auth = _parts(session.auth)
        self.store = dict(session.headers._store)
        try:
            self.requests = known.of_sender((self.base_url, self.verify, self.auth, *self.store.values()))
        except TypeError:
            # Of something that cannot be looked up, no plain request is made.
            self.requests = OfSender()

    def look(self, session: Any) -> None:
        """Remember the session as it is."""
        containers = [session.proxies, session.params, session.hooks, *session.hooks.values()]
        whole = [each for each in containers if each is not None]
        whole += [session.headers._store, session.adapters]
        if type(session.auth) is HTTPBasicAuth:
            whole.append(session.auth.__dict__)
        self.snapshot = Snapshot(session.__dict__, _WATCHED, whole)

    def is_still(self, session: Any) -> bool:
        """Whether nothing of it has another value."""
        return (
            self.base_url == session.base_url
            and self.verify is session.verify
            and (self.auth is session.auth or self.auth == _parts(session.auth))
            and self.store == session.headers._store
        )


def _is_nothing(container: Any) -> bool:
    """Whether it has nothing in it, and can be watched."""
    return container is None or (type(container) in _CONTAINERS and not container)


def _parts(auth: Any) -> Any:
    """Credentials that can be compared, whoever changes the object that has them."""
    return (auth.username, auth.password) if type(auth) is HTTPBasicAuth else auth


class PlainRequests:
    """The plain requests of all sessions."""

    def __init__(self) -> None:
        self._known = KnownRequests()
        self._plain_classes: dict[type, bool] = {}
        self._methods = {name: getattr(clients.HttpSession, name) for name in _OVERRIDABLE}
        self._find = self._known.sites.find

    def known(
        self,
        session: Any,
        method: Any,
        url: Any,
        name: str | None,
        hold: Hold,
        data: Any,
        json: Any,
        options: dict[str, Any],
    ) -> tuple[Known, Wish] | None:
        """The request of a call, and what is sent; None if it is for `requests` itself."""
        own = session.__dict__
        sender: _Sender | None = own.get(_SENDER)
        if (sender is None or not sender.snapshot.holds(own)) and (sender := self._look(session)) is None:
            return None
        if data is None and json is None and method == "GET":
            body, content_type = None, None
        elif type(method) is not str or (encoded := body_of(method, data, json)) is None:
            return None
        else:
            body, content_type = encoded
        request = self._find(sender.requests, url, method, name, hold, content_type, options)
        if request is None:
            try:
                request = self._request(sender, method, url, name, hold, content_type, options)
            except TypeError:  # something that cannot be looked up is not plain
                return None
            if request is None:
                return None
        cookies = own["cookies"]
        if body is None and not cookies._cookies:
            return request, request.wish
        cookie = cookies.header_for(request.plain.url) if cookies._cookies and not request.has_cookie else None
        return request, request.wish if body is None and not cookie else request.wish_with(body, cookie or None)

    def _look(self, session: Any) -> _Sender | None:
        """Look at a session that is new or has changed; None if `requests` itself has to send for it."""
        if not self._is_plain(session):
            return None
        sender: _Sender | None = session.__dict__.get(_SENDER)
        if sender is None or not sender.is_still(session):
            sender = session.__dict__[_SENDER] = _Sender(session, self._known)
        sender.look(session)
        return sender

    def _request(
        self,
        sender: _Sender,
        method: Any,
        url: Any,
        name: str | None,
        hold: Hold,
        content_type: tuple[str, str] | None,
        options: dict[str, Any],
    ) -> Known | None:
        """The request without body and cookies: looked up, or written now."""
        key: Any = None
        if options.keys() <= _KNOWN_ARGUMENTS:
            get = options.get
            headers = get("headers") or _NONE
            if type(headers) is dict:
                key = (method, url, name, hold, content_type, get("timeout"), get("verify"), *headers.items())
                request = sender.requests.get(key)
                if request is not None:
                    self._known.sites.keep(sender.requests, url, method, name, hold, content_type, options, request)
                    return request
        plain = sender.preparing.plain(method, url, content_type, options)
        if plain is None:
            return None
        request = self._known.write(name or plain.path_url, method, plain, hold)
        if key is not None:
            self._known.keep(sender.requests, key, request)
        return request

    def _is_plain(self, session: Any) -> bool:
        """Whether nothing but headers, cookies, `auth` and `verify` has a say in what a session sends."""
        kind = type(session)
        is_plain = self._plain_classes.get(kind)
        if is_plain is None:
            is_plain = all(getattr(kind, name) is method for name, method in self._methods.items())
            is_plain = is_plain and not any(hasattr(getattr(kind, name, None), "__set__") for name in _WATCHED)
            self._plain_classes[kind] = is_plain
        if (
            not is_plain
            or not session.__dict__.keys().isdisjoint(_OVERRIDABLE)
            or session.trust_env
            or not _is_nothing(session.proxies)
            or not _is_nothing(session.params)
            or session.cert
            or session.stream
            or type(session.hooks) is not dict
            or not all(map(_is_nothing, session.hooks.values()))
            or type(session.cookies) is not CountedJar
            or type(session.headers) is not CaseInsensitiveDict
            or type(session.request_event) is not RequestEvent
        ):
            return False
        adapters = session.adapters
        if len(adapters) != 2:  # noqa: PLR2004 - http and https
            return False
        for adapter in adapters.values():  # noqa: SIM110 - three times as fast
            if type(adapter) is not clients.LocustHttpAdapter:
                return False
        return True

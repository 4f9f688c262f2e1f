"""`FastHttpSession` over the ring: plain calls by the shortest way, all others by geventhttpclient's own code."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, cast

import gevent
from geventhttpclient.header import Headers
from geventhttpclient.response import HTTPConnectionClosed
from locust.contrib import fasthttp

from loadcore.locustfiles import fast_settings, outcomes
from loadcore.locustfiles.crossing import Hold, Wish
from loadcore.locustfiles.fast_prepared import FastPreparing
from loadcore.locustfiles.fast_response import PlainFastManager, PlainFastResponse, as_fast_response, meta_of
from loadcore.locustfiles.fast_streamed import as_streamed_response
from loadcore.locustfiles.known_requests import KnownRequests
from loadcore.locustfiles.measured_call import MeasuredCall, current
from loadcore.locustfiles.prepared import NAME_OF_A_HEADER, without_ours
from loadcore.locustfiles.shortcuts import Shortcuts, are_named
from loadcore.locustfiles.users import NUMBER, context_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.locustfiles.crossing import StreamedAnswer
    from loadcore.locustfiles.patches import Patches
    from loadcore.locustfiles.shortcuts import Send
    from loadcore.locustfiles.users import Users

_WHOLE = (str, bytes)
"""Types of bodies that geventhttpclient sends as a whole."""
_ALL, _REDIRECTS, _NONE = Hold.ALL, Hold.REDIRECTS, Hold.NONE
_IN_ORDER = ("name", "data", "catch_response", "stream", "headers", "auth", "json", "allow_redirects", "context")
_UNNAMED = {"post": ("data", "json"), "put": ("data",), "patch": ("data",)}
_new_response, _new_manager = PlainFastResponse.__new__, PlainFastManager.__new__
_GOOD = fasthttp.LocustUserAgent.valid_response_codes


class RingFastSessions:
    """Has all `FastHttpSession`s send their requests over the ring.

    Args:
        users: Whose requests are whose.
        patches: What puts it in place.
    """

    def __init__(self, users: Users, patches: Patches) -> None:
        self._users = users
        session, response = fasthttp.FastHttpSession, fasthttp.ResponseContextManager
        self._known = KnownRequests()
        patches.method(session, "__init__", self._init)
        send = self._sending(session.request)
        patches.function(session, "request", lambda original: _request(original, send))
        Shortcuts(session, send, unnamed=_UNNAMED, follows={}).put(patches)
        patches.method(fasthttp.LocustUserAgent, "_urlopen", _urlopen)
        patches.method(response, "__init__", _init_response)
        patches.method(response, "__exit__", _exit)
        patches.method(response, "_report_request", _report_request)

    def _init(self, original: Callable[..., None], session: Any, *arguments: Any, **options: Any) -> None:
        original(session, *arguments, **options)
        # Before Locust 2.47 only `HttpSession` had it.
        session.__dict__.setdefault("request_name", None)
        session._loadcore_preparing = FastPreparing(session, self._known)

    def _sending(self, original: Callable[..., Any]) -> Send:
        of_session, call_engine = self._users.of_session, self._users.calls.call

        def send(session: Any, method: Any, url: Any, options: dict[str, Any]) -> Any:
            user = session.__dict__.get(NUMBER)
            if user is None:
                user = of_session(session)
            given = options.get
            name = given("name") or session.request_name
            catches = given("catch_response")
            follows = options.get("allow_redirects", True)
            hold = _ALL if catches else _REDIRECTS if follows else _NONE
            first = None
            preparing: FastPreparing = session._loadcore_preparing
            known = preparing.known(method, url, name, hold, options)
            if known is not None:
                start_time = time()
                request, wish, payload = known
                slots = preparing.slots
                slots.take()
                try:
                    first = call_engine(user, wish)
                finally:
                    slots.give()
                status = first.final_status(bool(follows))
                if status in _GOOD:
                    context = context_of(session.user, given("context"))
                    response = _new_manager(PlainFastManager) if catches else _new_response(PlainFastResponse)
                    response._made_of = first, session, request, wish, payload, given("params"), context, start_time
                    if catches:
                        response._call = call = MeasuredCall(self._users.calls, user, hold=Hold.ALL)
                        call.answers.append(first)
                    elif request.count(session.request_event, first):
                        session.request_event.tell(meta_of(response))
                    return response
            streams = bool(given("stream"))
            call = MeasuredCall(
                self._users.calls, user, hold=hold, name=name or str(url), is_streamed=streams, first=first
            )
            outside = current.set(call)
            try:
                return original(session, method, url, **options)
            finally:
                current.reset(outside)

        return send


def _request(original: Callable[..., Any], send: Send) -> Callable[..., Any]:
    """`FastHttpSession.request`."""

    def request(session: Any, method: Any, url: Any, *rest: Any, **options: Any) -> Any:
        if rest and not are_named(_IN_ORDER, rest, options):
            # Python says what is wrong.
            return original(session, method, url, *rest, **options)
        return send(session, method, url, options)

    return request


def _urlopen(original: Callable[..., Any], agent: Any, request: Any) -> Any:
    """One message of the user agent."""
    call = current.get()
    settings = agent.clientpool.client_args
    verify = fast_settings.verification(settings)
    is_own_tls = verify is None and request.url_split.scheme == "https"
    # As Locust does, from that version of geventhttpclient on that has it.
    target = getattr(request.url_split, "quoted_uri", request.url_split.request_uri)
    if call is None or settings.get("proxy_host") or is_own_tls or _is_odd(request, target):
        return original(agent, request)
    call.name = call.name or request.url
    headers = Headers()
    headers.update(request.headers)
    body = request.payload
    if body is not None and hasattr(body, "read"):
        body = body.read()
    method = request.method.upper()
    wish = Wish(
        name=call.name,
        method=method,
        url=f"{request.url_split.scheme}://{_authority(request.url_split)}{target}",
        headers=without_ours((name, str(value)) for name, value in headers.items()),
        body=body.encode() if isinstance(body, str) else bytes(body) if body else None,
        timeouts=fast_settings.timeouts(settings),
        hold=call.hold,
        verify=bool(verify),
        streams=call.is_streamed,
    )
    with fast_settings.slots(agent.clientpool, request.url_split.host, request.url_split.port):
        answer = call.send(wish)
    if call.is_streamed and answer.status:
        return as_streamed_response(agent.response_type, call.calls, cast("StreamedAnswer", answer), request)
    if answer.outcome is None:
        return as_fast_response(agent.response_type, answer, request)
    if answer.outcome == outcomes.INTERRUPTED:
        raise gevent.GreenletExit
    if answer.outcome in {"closed_before_response", "stale_connection", "reset_before_response"}:
        message = "connection closed."
        raise HTTPConnectionClosed(message)
    raise outcomes.cause_of(answer.outcome)


def _is_odd(request: Any, target: str) -> bool:
    """Whether it is for geventhttpclient itself: bodies in pieces, and all that it may refuse to send."""
    body = request.payload
    return (
        (bool(body) and not (isinstance(body, _WHOLE) or hasattr(body, "read")))
        or target.startswith("//")
        or not all(NAME_OF_A_HEADER.fullmatch(str(name)) for name in request.headers)
    )


def _authority(url: Any) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    usual = {"http": 80, "https": 443}.get(url.scheme)
    return host if url.port in (None, usual) else f"{host}:{url.port}"


def _init_response(
    original: Callable[..., None],
    managed: Any,
    response: Any,
    request_event: Any,
    request_meta: dict[str, Any],
    catch_response: bool,
) -> None:
    original(managed, response, request_event, request_meta, catch_response)
    managed._call = call = current.get()
    if call is not None and call.service_ms is not None:
        request_meta["response_time"] = call.service_ms


def _exit(original: Callable[..., bool], response: Any, kind: Any, error: Any, trace: Any) -> bool:
    result = original(response, kind, error, trace)
    call = response.__dict__.get("_call")
    if kind is not None and call is not None:
        call.give_up(was_killed=issubclass(kind, gevent.GreenletExit))
    return result


def _report_request(original: Callable[..., None], response: Any) -> None:
    outside = current.set(response.__dict__.get("_call"))
    try:
        original(response)
    finally:
        current.reset(outside)

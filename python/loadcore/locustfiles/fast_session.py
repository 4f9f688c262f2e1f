"""`FastHttpSession` over the ring: plain calls by the shortest way, all others by geventhttpclient's own code."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, cast

import gevent
from geventhttpclient.header import Headers
from geventhttpclient.response import HTTPConnectionClosed
from locust.contrib import fasthttp

from loadcore.locustfiles import fast_settings, outcomes
from loadcore.locustfiles.crossing import Hold, Wish, hold_of
from loadcore.locustfiles.fast_prepared import FastPreparing
from loadcore.locustfiles.fast_response import PlainFastManager, PlainFastResponse, as_fast_response
from loadcore.locustfiles.fast_streamed import as_streamed_response
from loadcore.locustfiles.known_requests import KnownRequests
from loadcore.locustfiles.measured_call import MeasuredCall, current
from loadcore.locustfiles.prepared import NAME_OF_A_HEADER, without_ours
from loadcore.locustfiles.request_event import RequestEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.locustfiles.crossing import Answer, StreamedAnswer
    from loadcore.locustfiles.known_requests import Known
    from loadcore.locustfiles.patches import Patches
    from loadcore.locustfiles.users import Users

_WHOLE = (str, bytes)
"""Types of bodies that geventhttpclient sends as a whole."""
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
        patches.function(session, "request", self._request)
        patches.method(fasthttp.LocustUserAgent, "_urlopen", _urlopen)
        patches.method(response, "__init__", _init_response)
        patches.method(response, "__exit__", _exit)
        patches.method(response, "_report_request", _report_request)

    def _init(self, original: Callable[..., None], session: Any, *arguments: Any, **options: Any) -> None:
        original(session, *arguments, **options)
        # Before Locust 2.47 only `HttpSession` had it.
        session.__dict__.setdefault("request_name", None)
        session._loadcore_preparing = FastPreparing(session, self._known)

    def _request(self, original: Callable[..., Any]) -> Callable[..., Any]:
        of_session, call_engine = self._users.of_session, self._users.calls.call

        def request(session: Any, method: Any, url: Any, *rest: Any, **options: Any) -> Any:
            user = of_session(session)
            name = options.get("name") or (rest[0] if rest else None) or session.request_name
            catches = options.get("catch_response")
            follows = options.get("allow_redirects", True)
            hold = hold_of(catches, follows)
            known = first = None
            if not rest and type(session.request_event) is RequestEvent:
                preparing: FastPreparing = session._loadcore_preparing
                known = preparing.known(method, url, name, hold, options)
            if known is not None:
                start_time = time()
                with preparing.slots():
                    first = call_engine(user, known[1])
                final = first.final_response(bool(follows))
                if final is not None and final[0] in _GOOD:
                    response = _response(session, method, known, first, final, options, start_time)
                    if catches:
                        response._call = call = MeasuredCall(self._users.calls, user, hold=Hold.ALL)
                        call.answers.append(first)
                    return response
            streams = bool(options.get("stream"))
            call = MeasuredCall(
                self._users.calls, user, hold=hold, name=name or str(url), is_streamed=streams, first=first
            )
            outside = current.set(call)
            try:
                return original(session, method, url, *rest, **options)
            finally:
                current.reset(outside)

        return request


def _response(
    session: Any,
    method: str,
    known: tuple[Known, Wish, Any],
    answer: Answer,
    final: tuple[int, bytes, int],
    options: dict[str, Any],
    start_time: float,
) -> Any:
    """The response of a plain call that went well, which is reported unless a block does that."""
    status, body, service_ns = final
    catches = options.get("catch_response")
    kind = PlainFastManager if catches else PlainFastResponse
    response: Any = kind.__new__(kind)
    own = response.__dict__
    own["_answer"] = answer
    own["_status"] = status
    own["_cached_content"] = body
    request, wish, payload = known
    own["_asked"] = session, request.plain, method, payload, options.get("params")
    event: RequestEvent = session.request_event
    name, time_ms = wish.name, service_ns / 1e6
    if not catches and not event.count_success(method, name, time_ms, len(body)):
        return response
    context = options.get("context") or {}
    meta = {
        "request_type": method,
        "name": name,
        "context": {**session.user.context(), **context} if session.user is not None else context,
        "response": response,
        "exception": None,
        "start_time": start_time,
        "url": request.plain.built_url,
        "response_length": len(body),
        "response_time": time_ms,
    }
    if catches:
        own.update(_request_event=event, request_meta=meta, _catch_response=True)
    else:
        event.tell(meta)
    return response


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

"""`HttpSession` over the ring: plain calls by the shortest way, all others by `requests`' own code."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

import gevent
from locust import clients
from requests.exceptions import HTTPError

from loadcore.locustfiles.cookies import CountedJar
from loadcore.locustfiles.crossing import Hold
from loadcore.locustfiles.measured_call import MeasuredCall, current
from loadcore.locustfiles.plain_requests import PlainRequests
from loadcore.locustfiles.request_event import RequestEvent
from loadcore.locustfiles.requests_pool import RingPoolManager
from loadcore.locustfiles.requests_response import HTTP_ERROR, PlainResponse
from loadcore.locustfiles.shortcuts import Shortcuts
from loadcore.locustfiles.users import NUMBER, context_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.locustfiles.patches import Patches
    from loadcore.locustfiles.shortcuts import Send
    from loadcore.locustfiles.users import Users

_new = PlainResponse.__new__
_ALL, _REDIRECTS, _NONE = Hold.ALL, Hold.REDIRECTS, Hold.NONE
_UNNAMED = {"post": ("data", "json"), "put": ("data",), "patch": ("data",)}
_FOLLOWS = {"get": True, "options": True, "head": False}


class RingSessions:
    """Has all `HttpSession`s send their requests over the ring.

    Args:
        users: Whose requests are whose.
        patches: What puts it in place.
    """

    def __init__(self, users: Users, patches: Patches) -> None:
        self._users = users
        self._plain = PlainRequests()
        session, response = clients.HttpSession, clients.ResponseContextManager
        patches.method(session, "__init__", self._init)
        patches.method(session, "mount", _mount)
        send = self._sending(session.request)
        patches.function(session, "request", lambda _original: _request(send))
        Shortcuts(session, send, unnamed=_UNNAMED, follows=_FOLLOWS).put(patches)
        patches.method(clients.LocustHttpAdapter, "init_poolmanager", _init_poolmanager)
        patches.method(response, "__exit__", _exit)
        patches.method(response, "_report_request", _report_request)
        patches.class_method(response, "wrap_response", _wrap_response)

    def _init(self, original: Callable[..., None], session: Any, *arguments: Any, **options: Any) -> None:
        original(session, *arguments, **options)
        session.cookies = CountedJar()

    def _sending(self, original: Callable[..., Any]) -> Send:
        of_session, call_engine, known_request = self._users.of_session, self._users.calls.call, self._plain.known

        def send(session: Any, method: Any, url: Any, options: dict[str, Any]) -> Any:
            taken = options.pop
            name = taken("name", None) or session.request_name
            catch_response, context = taken("catch_response", None), taken("context", None)
            data, json = taken("data", None), taken("json", None)
            follows = options.get("allow_redirects", True)
            hold = _ALL if catch_response else _REDIRECTS if follows else _NONE
            user = session.__dict__.get(NUMBER)
            if user is None:
                user = of_session(session)
            first = None
            known = known_request(session, method, url, name, hold, data, json, options)
            if known is not None:
                start_time = time()
                request, wish = known
                first = call_engine(user, wish)
                status = first.final_status(bool(follows))
                if status:
                    context = context_of(session.user, context)
                    response = _new(PlainResponse)
                    response.status_code = status
                    response._made_of = first, request, wish, session, context, start_time
                    if catch_response:
                        response._catch_response = True
                        response._call = call = MeasuredCall(self._users.calls, user, hold=hold)
                        call.answers.append(first)
                    elif status >= HTTP_ERROR:
                        response.__exit__(None, None, None)
                    elif request.count(session.request_event, first):
                        session.request_event.tell(response.request_meta)
                    return response
            is_streamed = bool(options.get("stream"))
            if first is None and not is_streamed:
                # Hooks, those of an authentication too, and retries of an adapter may send again: the last decides.
                hold = _ALL
            call = MeasuredCall(self._users.calls, user, hold=hold, name=name, is_streamed=is_streamed, first=first)
            outside = current.set(call)
            try:
                return original(
                    session, method, url, name, bool(catch_response), context or {}, data=data, json=json, **options
                )
            finally:
                current.reset(outside)

        return send


def _request(send: Send) -> Callable[..., Any]:
    """`HttpSession.request`."""

    def request(
        session: Any,
        method: Any,
        url: Any,
        name: Any = None,
        catch_response: Any = False,
        context: Any = None,
        **options: Any,
    ) -> Any:
        options.update(name=name, catch_response=catch_response, context=context)
        return send(session, method, url, options)

    return request


def _mount(original: Callable[..., None], session: Any, prefix: str, adapter: Any) -> None:
    """An adapter that user code mounts does what it does, over the ring."""
    manager = getattr(adapter, "poolmanager", None)
    if manager is not None and not isinstance(manager, RingPoolManager):
        adapter.poolmanager = RingPoolManager(**manager.connection_pool_kw)
    original(session, prefix, adapter)


def _init_poolmanager(
    _original: Callable[..., None],
    adapter: Any,
    connections: int = 10,
    maxsize: int = 10,
    block: bool = False,
    **options: Any,
) -> None:
    adapter.poolmanager = RingPoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)


def _exit(original: Callable[..., bool], response: Any, kind: Any, error: Any, trace: Any) -> bool:
    result = original(response, kind, error, trace)
    call = response.__dict__.get("_call")
    if kind is not None and call is not None:
        call.give_up(was_killed=issubclass(kind, gevent.GreenletExit))
    return result


def _report_request(original: Callable[..., None], response: Any, exc: Any = None) -> None:
    """The call that is reported is the one that made this response, whoever else is calling by now."""
    call = response.__dict__.get("_call")
    if call is None and "_made_of" in response.__dict__:
        call = MeasuredCall(RequestEvent.calls, 0, hold=Hold.NONE)  # type: ignore[arg-type]
        call.answers.append(response._facts.answer)
    outside = current.set(call)
    try:
        original(response, exc)
    finally:
        current.reset(outside)
    if call is not None and call.is_streamed:
        _free(response)


def _free(response: Any) -> None:
    """Whoever forgets a response that streams ends it: at once, and not when the garbage is collected."""
    error = response.request_meta["exception"]
    if isinstance(error, HTTPError):
        error.__traceback__ = None
    response.request_meta = {**response.request_meta, "response": None, "exception": None}


def _wrap_response(
    original: Callable[..., Any],
    response: Any,
    request_event: Any,
    request_meta: dict[str, Any],
    catch_response: bool,
) -> Any:
    call = current.get()
    if call is not None and call.service_ms is not None:
        request_meta["response_time"] = call.service_ms
    wrapped = original(response, request_event, request_meta, catch_response)
    if call is not None:
        wrapped._call = call
    return wrapped

"""`HttpSession` over the ring: plain calls by the shortest way, all others by `requests`' own code."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent
from locust import clients
from locust.user.users import User

from loadcore.locustfiles.cookies import CountedJar
from loadcore.locustfiles.crossing import Hold, Wish
from loadcore.locustfiles.measured_call import REDIRECTS, MeasuredCall, current
from loadcore.locustfiles.prepared import Preparing
from loadcore.locustfiles.request_event import RequestEvent
from loadcore.locustfiles.requests_pool import RingPoolManager
from loadcore.locustfiles.requests_response import PlainResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.locustfiles.crossing import Answer
    from loadcore.locustfiles.patches import Patches
    from loadcore.locustfiles.users import Users

_OVERRIDABLE = ("prepare_request", "send", "get_adapter", "rebuild_auth", "_build_url", "_send_request_safe_mode")


class RingSessions:
    """Has all `HttpSession`s send their requests over the ring.

    Args:
        users: Whose requests are whose.
        patches: What puts it in place.
    """

    def __init__(self, users: Users, patches: Patches) -> None:
        self._users = users
        self._plain_classes: dict[type, bool] = {}
        session, response = clients.HttpSession, clients.ResponseContextManager
        self._original: Callable[..., Any] = session.request
        self._methods = {name: getattr(session, name) for name in _OVERRIDABLE}
        patches.method(session, "__init__", self._init)
        patches.method(session, "mount", _mount)
        patches.method(session, "request", self._request)
        patches.method(clients.LocustHttpAdapter, "init_poolmanager", _init_poolmanager)
        patches.method(response, "__exit__", _exit)
        patches.method(response, "_report_request", _report_request)
        patches.class_method(response, "wrap_response", _wrap_response)

    def _init(self, original: Callable[..., None], session: Any, *arguments: Any, **options: Any) -> None:
        original(session, *arguments, **options)
        session.cookies = CountedJar()
        session._loadcore_preparing = Preparing(session)

    def _request(
        self,
        original: Callable[..., Any],
        session: Any,
        method: Any,
        url: Any,
        name: Any = None,
        catch_response: Any = False,
        context: Any = None,
        *,
        data: Any = None,
        json: Any = None,
        **options: Any,
    ) -> Any:
        own = session.__dict__
        name = name or own["request_name"]
        plain = None
        if self._is_plain(session):
            plain = own["_loadcore_preparing"].plain(method, url, data, json, options)
        first = None
        user = self._users.of_session(session)
        follows = options.get("allow_redirects", True)
        hold = Hold.ALL if catch_response else Hold.REDIRECTS if follows else Hold.NONE
        if plain is not None:
            start_time = time.time()
            wish = Wish(
                name or plain.path_url,
                plain.method,
                plain.url,
                plain.headers,
                plain.body,
                plain.timeouts,
                hold,
                plain.verify,
            )
            first = self._users.calls.call(user, wish)
            if (
                first.outcome is None
                and not (follows and first.status in REDIRECTS)
                and first.header("set-cookie") is None
            ):
                response: Any = PlainResponse.__new__(PlainResponse)
                call = None
                if hold is Hold.ALL:
                    call = MeasuredCall(self._users.calls, user, hold=hold)
                    call.answers.append(first)
                response.__dict__.update(
                    status_code=first.status,
                    _content=first.body,
                    _content_consumed=True,
                    _entered=False,
                    _catch_response=catch_response,
                    _request_event=session.request_event,
                    _answer=first,
                    _call=call,
                    _context=_context(session.user, context),
                    _method=method,
                    _name=name or plain.path_url,
                    _plain=plain,
                    _session=session,
                    _start_time=start_time,
                )
                if not catch_response:
                    response.__exit__(None, None, None)
                return response
        call = MeasuredCall(
            self._users.calls, user, hold=hold, name=name, is_streamed=bool(options.get("stream")), first=first
        )
        outside = current.set(call)
        try:
            return original(session, method, url, name, catch_response, context or {}, data=data, json=json, **options)
        finally:
            current.reset(outside)

    def _is_plain(self, session: Any) -> bool:
        """Whether a session's class, its adapters and its event are as Locust made them."""
        kind = type(session)
        known = self._plain_classes.get(kind)
        if known is None:
            known = all(getattr(kind, name) is method for name, method in self._methods.items())
            self._plain_classes[kind] = known
        return (
            known
            and len(session.adapters) == 2  # noqa: PLR2004 - http and https
            and all(type(adapter) is clients.LocustHttpAdapter for adapter in session.adapters.values())
            and type(session.request_event) is RequestEvent
        )


def _is_simple(answer: Answer, *, follows: bool) -> bool:
    """Whether an answer is the end of its call, and changes nothing of the session."""
    return (
        answer.outcome is None and not (follows and answer.status in REDIRECTS) and answer.header("set-cookie") is None
    )


def _context(user: Any, context: Any) -> dict[str, Any]:
    if user is None or type(user).context is User.context:
        return dict(context) if context else {}
    return {**user.context(), **(context or {})}


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
    if call is None and "_answer" in response.__dict__:
        call = MeasuredCall(RequestEvent.calls, 0, hold=Hold.NONE)  # type: ignore[arg-type]
        call.answers.append(response._answer)
    outside = current.set(call)
    try:
        original(response, exc)
    finally:
        current.reset(outside)


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

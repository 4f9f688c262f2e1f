"""The `request` event: fired only where someone listens; what user code fires becomes a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gevent
from locust.event import EventHook
from locust.stats import StatsError

from loadcore.locustfiles.crossing import Hold
from loadcore.locustfiles.live_stats import LiveStats
from loadcore.locustfiles.measured_call import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.locustfiles.calls import Calls

_OF_THE_RUNNER = ("locust.runners", "Runner.__init__.<locals>.on_request")


class RequestEvent(EventHook):
    """In place of Locust's own hook of this event.

    The listener that each runner adds feeds `environment.stats`. It is not called for what the engine measured: counts
    go there in batches.
    """

    calls: Calls | None = None
    """Where rows of user code go; of all hooks."""
    users: dict[Any, int] = {}  # noqa: RUF012 - of all hooks, too
    """Which user runs in a greenlet."""

    def __init__(self) -> None:
        super().__init__()
        self._runners: list[Any] = []
        self._own: list[Callable[..., Any]] = []
        self.runner: Any = None
        """The runner whose statistics it feeds, if that is one."""
        self._known: list[Callable[..., Any]] = []
        self._others = EventHook()

    def add_listener(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """As the base class does."""
        runner = _runner_of(handler)
        if runner is not None:
            self._runners.append(runner)
            self._own.append(handler)
            self._choose()
        added: Callable[..., Any] = super().add_listener(handler)
        return added

    def remove_listener(self, handler: Callable[..., Any]) -> None:
        """As the base class does."""
        super().remove_listener(handler)
        if handler in self._own:
            index = self._own.index(handler)
            del self._own[index], self._runners[index]
            self._choose()

    def _choose(self) -> None:
        self.runner = self._runners[0] if len(self._runners) == 1 else None

    def live_stats(self) -> LiveStats | None:
        """The statistics that it feeds, if those are one and are fed in batches."""
        stats = self.runner.environment.stats if self.runner is not None else None
        return stats if type(stats) is LiveStats else None

    def is_heard(self) -> bool:
        """Whether someone listens but the runner."""
        return len(self._handlers) > len(self._own)

    def fire(self, *, reverse: bool = False, **meta: Any) -> None:
        """Report a request: one of a client, or one that user code made by itself."""
        call = current.get()
        if call is None:
            self._record(meta)
            super().fire(reverse=reverse, **meta)
            return
        if not call.answers:
            # The engine had no part in it, so the row is made here.
            self._record(meta, call.user)
        elif call.hold is not Hold.ALL:
            # What Locust took for the time began after the request was made. Blocks may set one of their own.
            meta["response_time"] = call.service_ms
        error = meta["exception"]
        call.settle(is_error=bool(error))
        if error and call.is_streamed:
            # The statistics would keep the error, and the error its response and that its connection.
            error = StatsError.parse_error(error)
        self.count(meta["request_type"], meta["name"], meta["response_time"], meta["response_length"], error)
        self.tell(meta)

    def count(self, method: str, name: str, time_ms: float | None, size: int, error: Any) -> None:
        """Count a call of a client."""
        for runner in self._runners:
            stats = runner.environment.stats
            if type(stats) is LiveStats:
                stats.note(method, name, time_ms, size, error)
                continue
            stats.log_request(method, name, time_ms, size)
            if error:
                stats.log_error(method, name, error)

    def tell(self, meta: dict[str, Any]) -> None:
        """Call the listeners that are not a runner's own. What they fire themselves is not of this call."""
        if not self.is_heard():
            return
        if self._handlers != self._known:
            self._known = self._handlers.copy()
            self._others._handlers = [each for each in self._known if each not in self._own]
        outside = current.set(None)
        try:
            self._others.fire(**meta)
        finally:
            current.reset(outside)

    def _record(self, meta: dict[str, Any], user: int | None = None) -> None:
        """Make a row of what user code measured."""
        if self.calls is None or "name" not in meta or "request_type" not in meta:
            return
        self.calls.row(
            self.users.get(gevent.getcurrent(), 0) if user is None else user,
            str(meta["name"]),
            str(meta["request_type"]),
            duration_ns=int((meta.get("response_time") or 0) * 1e6),
            size=int(meta.get("response_length") or 0),
            is_error=bool(meta.get("exception")),
        )


def _runner_of(handler: Any) -> Any | None:
    """The runner whose own listener this is."""
    if (getattr(handler, "__module__", None), getattr(handler, "__qualname__", None)) != _OF_THE_RUNNER:
        return None
    free = zip(handler.__code__.co_freevars, handler.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in free}.get("self")

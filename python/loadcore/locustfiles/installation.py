"""Puts the engine under the clients of Locust in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import locust
from locust import event as locust_event

from loadcore.locustfiles.calls import Calls
from loadcore.locustfiles.fast_session import RingFastSessions
from loadcore.locustfiles.live_stats import LiveStats
from loadcore.locustfiles.patches import Patches
from loadcore.locustfiles.request_event import RequestEvent
from loadcore.locustfiles.requests_session import RingSessions
from loadcore.locustfiles.users import Users

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.locustfiles.crossing import Crossing


class Installation:
    """Locust with the engine under its clients, until `close`.

    Args:
        crossing: The way to the engine.
        engine: The engine itself, if nothing else keeps it.
    """

    def __init__(self, crossing: Crossing, engine: object | None = None) -> None:
        self.engine = engine
        self.calls = Calls(crossing)
        self._patches = patches = Patches()
        RequestEvent.calls = self.calls
        users = Users(self.calls, patches)
        RingSessions(users, patches)
        RingFastSessions(users, patches)
        patches.method(locust_event.Events, "__init__", _init_events)
        patches.stats(LiveStats)
        self._take_over(locust.events)

    def close(self) -> None:
        """Put Locust's own clients back."""
        self._patches.undo()
        RequestEvent.calls = None
        self.calls.close()

    def _take_over(self, events: Any) -> None:
        """The events that exist already, with the listeners they have."""
        taken = RequestEvent()
        for handler in events.request._handlers:
            taken.add_listener(handler)
        self._patches.attribute(events, "request", taken)


def _init_events(original: Callable[..., None], events: Any) -> None:
    original(events)
    events.request = RequestEvent()

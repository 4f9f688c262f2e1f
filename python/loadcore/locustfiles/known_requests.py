"""Plain requests that were written before: most calls of a file are made again and again, by all of its users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

from loadcore.engine import CallSites
from loadcore.locustfiles.crossing import Hold, Wish

if TYPE_CHECKING:
    from collections.abc import Hashable

    from loadcore.engine import Tally
    from loadcore.locustfiles.crossing import Answer, Timeouts
    from loadcore.locustfiles.live_stats import LiveStats
    from loadcore.locustfiles.request_event import RequestEvent

_MOST = 16_384
"""As many are kept, of all senders together: files that put ids into URLs make each request once."""


class Plain(Protocol):
    """A request that is ready to be sent, without body and cookies, whichever client it is of."""

    @property
    def method(self) -> str: ...  # noqa: D102 - as in a wish
    @property
    def url(self) -> str: ...  # noqa: D102
    @property
    def headers(self) -> list[tuple[str, str]]: ...  # noqa: D102
    @property
    def timeouts(self) -> Timeouts: ...  # noqa: D102
    @property
    def verify(self) -> bool: ...  # noqa: D102


class Known:
    """A request as it was written, without body and cookies.

    Args:
        plain: As its client has it.
        method: What it is counted under, beside its name: as user code wrote it.
        wish: What is sent.
    """

    __slots__ = ("_stats", "_tally", "has_cookie", "method", "plain", "wish")

    _tally: Tally

    def __init__(self, plain: Any, method: str, wish: Wish) -> None:
        self.plain = plain
        self.method = method
        self.wish = wish
        self.has_cookie = any(header.lower() == "cookie" for header, _ in plain.headers)
        """Whether its headers say what cookies it has: then it has no others."""
        self._stats: LiveStats | None = None

    def count(self, event: RequestEvent, answer: Answer) -> bool:
        """Count an answer that went well. Whether someone listens, and has to hear of it."""
        runner = event.runner
        if runner is None or runner.environment.stats is not self._stats:
            stats = event.live_stats()
            if stats is None:
                event.count(self.method, self.wish.name, answer.service_ns / 1e6, len(answer.body), None)
                return event.is_heard()
            self._stats, self._tally = stats, stats.tally(self.method, self.wish.name)
        if answer.count_in(self._tally):
            runner.environment.stats.count()
        return event.is_heard()

    def wish_with(self, body: bytes | None, cookie: str | None) -> Wish:
        """The same request with a body or cookies of this call."""
        wish = self.wish
        headers = [*wish.headers, ("Cookie", cookie)] if cookie else wish.headers
        return Wish(
            wish.name, wish.method, wish.url, headers, body, wish.timeouts, wish.hold, wish.verify, cookie, wish
        )


class OfSender(dict["Hashable", Known]):
    """The requests of all sessions that send the same headers to the same place."""

    __slots__ = ("__weakref__",)


class KnownRequests:
    """The requests of all sessions, as long as one of a kind is there."""

    def __init__(self) -> None:
        self._senders: WeakValueDictionary[Hashable, OfSender] = WeakValueDictionary()
        self._count = 0
        self.sites = CallSites()
        """The same once more, by the objects that a line of code makes its calls with."""

    def of_sender(self, sender: Hashable) -> OfSender:
        """Those of sessions of which this is what they have in common."""
        known = self._senders.get(sender)
        if known is None:
            known = self._senders[sender] = OfSender()
        return known

    def write(self, name: str, method: str, plain: Plain, hold: Hold) -> Known:
        """A request as it is written once."""
        wish = Wish(name, plain.method, plain.url, plain.headers, None, plain.timeouts, hold, plain.verify)
        return Known(plain, method, wish)

    def keep(self, sender: OfSender, key: Hashable, request: Known) -> None:
        """Have a request ready for the next time."""
        if self._count >= _MOST:
            for each in list(self._senders.values()):
                each.clear()
            self._count = 0
        self._count += 1
        sender[key] = request

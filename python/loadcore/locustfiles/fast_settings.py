"""What the pool of a `FastHttpSession` says of its connections, as the engine has it."""

from __future__ import annotations

from collections import deque
from typing import Any

from gevent.event import Event
from geventhttpclient.connectionpool import ConnectionPool
from locust.contrib import fasthttp

from loadcore.locustfiles.crossing import NS, Timeouts


def verification(settings: dict[str, Any]) -> bool | None:
    """Whether certificates are verified; None: in a way that only Python's own TLS knows.

    Without `insecure`, geventhttpclient verifies chain and name, whatever made the context. With it, the context
    decides: one that verifies still refuses what no authority has signed.
    """
    factory = settings.get("ssl_context_factory")
    of_locust = (None, fasthttp.insecure_ssl_context_factory, fasthttp.gevent.ssl.create_default_context)
    if settings.get("ssl_options") or factory not in of_locust:
        return None
    if not settings.get("insecure"):
        return True
    return False if factory is fasthttp.insecure_ssl_context_factory else None


def timeouts(settings: dict[str, Any]) -> Timeouts:
    """Its timeouts: those of geventhttpclient where it has none of its own."""
    given = (
        settings.get("connection_timeout", ConnectionPool.DEFAULT_CONNECTION_TIMEOUT),
        settings.get("network_timeout", ConnectionPool.DEFAULT_NETWORK_TIMEOUT),
    )
    return Timeouts(*(int(each * NS) if each else None for each in given))


class Slots:
    """As many requests as may be under way at once. What is free most of the time should cost little then."""

    __slots__ = ("_free", "_waiting")

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[Event] = deque()

    def take(self) -> None:
        """Wait for one that is free. Who came first has it first."""
        if self._free > 0:
            self._free -= 1
            return
        turn = Event()
        self._waiting.append(turn)
        try:
            turn.wait()
        except BaseException:
            if turn.is_set():
                self.give()
            else:
                self._waiting.remove(turn)
            raise

    def give(self) -> None:
        """Give it back: to who waits longest."""
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self._free += 1

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, *_: object) -> None:
        self.give()


def slots(pool: Any, host: str, port: int | None) -> Slots:
    """How many requests to a host may be under way at once: as many as the pool has connections to it.

    Args:
        pool: A `HTTPClientPool`: of one session, or shared.
        host: As geventhttpclient has it.
        port: The same.
    """
    known: dict[tuple[str, int | None], Slots] = pool.__dict__.setdefault("_loadcore_slots", {})
    found = known.get((host, port))
    if found is None:
        found = known[host, port] = Slots(pool.client_args.get("concurrency", 1))
    return found

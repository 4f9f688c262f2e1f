"""The database of one worker, behind one call: `run` a function of a connection within a transaction."""

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Connection

from loadcore_target.errors import ProblemError
from loadcore_target.observe.metrics import Metrics

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")
Timings = list[tuple[str, float]]


class Database(ABC):
    """Users, items, orders and tokens.

    What reads and writes is a plain function of a `Connection`; how it gets one is the matter of the subclass.

    Args:
        shared: Whether other gateways use the database as well: no shared memory tells what they change.
        metrics: Where waiting is shown.
    """

    def __init__(self, metrics: Metrics | None, *, shared: bool) -> None:
        self.shared = shared
        self._metrics = metrics

    @abstractmethod
    async def run(
        self, work: Callable[[Connection, *Arguments], Result], *arguments: *Arguments, timings: Timings | None = None
    ) -> Result:
        """Calls `work(connection, *arguments)` in a transaction and commits it; an exception rolls it back.

        Args:
            work: Reads and writes through the connection and has no other effect: it may be called again.
            arguments: Handed to it.
            timings: Gets `db`, the time of the transaction, and `pool`, the time waited for it.

        Raises:
            ProblemError: 503 with `Retry-After`, when the database was not to be had in time.
        """

    @abstractmethod
    async def close(self) -> None:
        """Closes all connections."""

    @contextlib.contextmanager
    def _seen_waiting(self) -> Iterator[None]:
        """Shows in the metrics that a request waits."""
        if self._metrics is None:
            yield
            return
        self._metrics.db_waiting.inc()
        try:
            yield
        finally:
            self._metrics.db_waiting.dec()


def unavailable(detail: str) -> ProblemError:
    """The answer to a request that could not use the database."""
    return ProblemError(503, detail, {"Retry-After": "1"})


def note(timings: Timings | None, asked: float, begun: float) -> None:
    """Adds what a transaction that ends now took to the timings of its request."""
    if timings is not None:
        timings += [("pool", begun - asked), ("db", time.perf_counter() - begun)]

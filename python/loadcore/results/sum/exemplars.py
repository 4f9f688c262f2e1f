"""The slowest requests that have a trace: they lead from a time to what the servers saw of it."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


MOST_OF_STEP: Final = 5
"""How many are kept of a step."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A request that has a trace.

    Attributes:
        trace_id: The id of its trace, as in its `traceparent`.
        span_id: The id of its span.
        end_ns: When it ended, since the run's start.
        service_ns: Send to last byte.
        response_ns: Due to last byte.
        status: Its status; 0 if none came.
        outcome: What became of it.
    """

    trace_id: str
    span_id: str
    end_ns: int
    service_ns: int
    response_ns: int
    status: int
    outcome: str

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Exemplar:
        """Read an entry of the column `exemplars`."""
        return cls(**entry)


def slowest(exemplars: Iterable[Exemplar], most: int = MOST_OF_STEP) -> list[Exemplar]:
    """The slowest, the slowest first."""
    return nlargest(most, exemplars, key=lambda each: (each.service_ns, each.trace_id))

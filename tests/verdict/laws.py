"""The laws by which a server answers: each a small queueing model that says when, and how, what comes now is answered.

They know no socket and no clock, so that what they do can be computed beforehand.
"""

from __future__ import annotations

import heapq
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from random import Random

MS = 1_000_000
S = 1_000_000_000


@dataclass(frozen=True)
class Answer:
    """What a request gets."""

    at_ns: int
    """When its first byte is sent."""
    status: str = "200 OK"
    headers: str = ""
    """Further header lines, each with its end."""
    pieces: int = 1
    """In how many pieces the body is sent."""
    gap_ns: int = 0
    """Between two pieces."""
    cpu_ns: int = 0
    """CPU that the server's only thread burns for it first."""
    held_ns: int = 0
    """For how long the server's only thread does nothing else first."""


class Law(Protocol):
    """How a server answers."""

    def answer(self, now_ns: int, random: Random) -> Answer:
        """The answer to a request that comes now. Times are counted from the first request."""


@dataclass
class Delay:
    """Answers after a time: constant, or exponential with this mean."""

    ms: float = 0.0
    exponential: bool = False
    pieces: int = 1
    gap_ms: float = 0.0

    def answer(self, now_ns: int, random: Random) -> Answer:
        """See `Law`."""
        delay_ms = random.expovariate(1 / self.ms) if self.exponential else self.ms
        return Answer(now_ns + round(delay_ms * MS), pieces=self.pieces, gap_ns=round(self.gap_ms * MS))


@dataclass
class Slots:
    """Serves a number of requests at once, each for a time; the others wait, for a limited time if there is a limit."""

    slots: int
    ms: float
    spread: float = 0.1
    """By which share the time of a request differs at most."""
    patience_ms: float | None = None
    """A request that would wait longer gets a 503 after that time."""
    _free_ns: list[int] = field(default_factory=list)

    def answer(self, now_ns: int, random: Random) -> Answer:
        """See `Law`."""
        self._free_ns = self._free_ns or [0] * self.slots
        start_ns = max(now_ns, self._free_ns[0])
        if self.patience_ms is not None and start_ns - now_ns > self.patience_ms * MS:
            return Answer(now_ns + round(self.patience_ms * MS), "503 Service Unavailable")
        end_ns = start_ns + round(self.ms * MS * random.uniform(1 - self.spread, 1 + self.spread))
        heapq.heapreplace(self._free_ns, end_ns)
        return Answer(end_ns)


@dataclass
class Busy:
    """One thread that needs some CPU for each request, or holds it for a time without CPU."""

    cpu_ms: float = 0.0
    held_ms: float = 0.0

    def answer(self, now_ns: int, random: Random) -> Answer:  # noqa: ARG002 - a law like the others
        """See `Law`."""
        return Answer(now_ns, cpu_ns=round(self.cpu_ms * MS), held_ns=round(self.held_ms * MS))


@dataclass
class RateLimit:
    """A token bucket: what it lets through is answered after a time, all else is refused with 429 sooner."""

    rate: float
    burst: int = 10
    ms: float = 10.0
    refusal_ms: float = 5.0
    retry_after: bool = True
    _tokens: float | None = None
    _at_ns: int = 0

    def answer(self, now_ns: int, random: Random) -> Answer:  # noqa: ARG002 - a law like the others
        """See `Law`."""
        had = self.burst if self._tokens is None else self._tokens
        self._tokens = min(self.burst, had + (now_ns - self._at_ns) / S * self.rate)
        self._at_ns = now_ns
        if self._tokens < 1:
            refused_ns = now_ns + round(self.refusal_ms * MS)
            return Answer(refused_ns, "429 Too Many Requests", "Retry-After: 1\r\n" if self.retry_after else "")
        self._tokens -= 1
        return Answer(now_ns + round(self.ms * MS))


@dataclass
class Stalls:
    """Answers no request for a time in every period; what comes meanwhile is answered when it is over."""

    every_s: float
    for_s: float
    ms: float = 5.0
    first_s: float = 1.0

    def answer(self, now_ns: int, random: Random) -> Answer:  # noqa: ARG002 - a law like the others
        """See `Law`."""
        since_ns = now_ns - round(self.first_s * S)
        into_ns = since_ns % round(self.every_s * S)
        if since_ns >= 0 and into_ns < self.for_s * S:
            return Answer(now_ns - into_ns + round(self.for_s * S) + round(self.ms * MS))
        return Answer(now_ns + round(self.ms * MS))


@dataclass
class Phases:
    """Slow for a time in every period, fast else. With slots, this many at once and the others wait."""

    every_s: float
    slow_s: float
    slow_ms: float
    fast_ms: float
    first_s: float = 1.0
    slots: int | None = None
    _free_ns: list[int] = field(default_factory=list)

    def is_slow(self, now_ns: int) -> bool:
        """Whether a request that comes now comes in a slow phase."""
        since_ns = now_ns - round(self.first_s * S)
        return since_ns >= 0 and since_ns % round(self.every_s * S) < self.slow_s * S

    def answer(self, now_ns: int, random: Random) -> Answer:
        """See `Law`."""
        takes_ns = round((self.slow_ms if self.is_slow(now_ns) else self.fast_ms) * MS * random.uniform(0.9, 1.1))
        if self.slots is None:
            return Answer(now_ns + takes_ns)
        self._free_ns = self._free_ns or [0] * self.slots
        end_ns = max(now_ns, self._free_ns[0]) + takes_ns
        heapq.heapreplace(self._free_ns, end_ns)
        return Answer(end_ns)


_LAWS = {law.__name__: law for law in (Delay, Slots, Busy, RateLimit, Stalls, Phases)}


def to_json(law: Law) -> str:
    """A law as an argument of the server."""
    kept = {name: value for name, value in vars(law).items() if not name.startswith("_")}
    return json.dumps({"law": type(law).__name__, **kept})


def from_json(document: str) -> Law:
    """The law that an argument of the server means."""
    fields: dict[str, Any] = json.loads(document)
    law: Law = _LAWS[fields.pop("law")](**fields)
    return law

"""What is known of the target's part in a run: plain numbers that the rules look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Literal

from loadcore.judge.target.times import Times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Sight = Literal["processes", "group", "metrics", "none"]
"""What of the target could be looked at: its processes, its control group, its metrics, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """The target's programs in one second. None: not known."""

    program: str = ""
    processes: int = 0
    cores: float | None = None
    """CPU time of all of them, in cores."""
    busiest: float | None = None
    """Of the busiest process."""
    thread: float | None = None
    """Of the busiest thread of that process."""
    thread_waited: float = 0.0
    """Share of the time in which that thread wanted a core and had none."""
    allowed: float | None = None
    """Cores that they may use."""
    throttled: float = 0.0
    """Share of the time in which their control group's quota stopped them."""
    open_fds: int | None = None
    """Of the process that is nearest to its limit."""
    fd_limit: int | None = None
    accept_waiting: int | None = None
    """Connections that wait to be accepted."""
    accept_limit: int | None = None
    accept_drops: int = 0
    """Connections that this machine dropped because an accept queue was full."""


@dataclass(frozen=True, kw_only=True)
class Second:
    """One second of the run: requests of iterations, all workers together, by when they ended."""

    second: int
    answered: int = 0
    """Complete responses, whatever their status."""
    in_flight: float = 0.0
    """Mean, of those that ended."""
    due: int = 0
    """Iterations that an open model asked for; 0 in closed ones."""
    ended: int = 0
    """Iterations that ended."""
    times: Times = field(default_factory=Times)
    """Send to last byte."""
    statuses: Mapping[int, int] = field(default_factory=dict)
    beside: Mapping[int, int] = field(default_factory=dict)
    """By error status: responses with another status to the steps that got this one at some time in the run."""
    process: Process | None = None
    client_stalled_ns: int = 0
    """For how long the client itself stood still at most."""


@dataclass(frozen=True, kw_only=True)
class Hint:
    """What responses of a step say about a part of their time."""

    name: str
    count: int
    mean_ns: float
    ttfb_ns: float
    """Mean time to the first byte of the same responses."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """The requests of a step."""

    name: str
    answered: int
    service_ns: int
    """Median, send to last byte."""
    ttfb_ns: int
    """Median, send to first byte."""
    whole: float = 1.0
    """Share of those that were sent that came to a complete response: the medians are of these only if it is 1."""
    bytes_sent: float = 0.0
    """Of a request."""
    bytes_received: float = 0.0
    hints: Sequence[Hint] = ()


@dataclass(frozen=True, kw_only=True)
class Network:
    """What the kernel counted of the connections to the target."""

    rtt_ns: int = 0
    """The median of the least round trips."""
    segments: int = 0
    resent: int = 0
    blocked_ratio: float = 0.0
    """Share of the time with something to send in which the target had no room for it."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that the rules about the target look at."""

    seconds: Sequence[Second] = ()
    """Whole seconds up to the planned end, in order."""
    steps: Sequence[Step] = ()
    statuses: Counter[int] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    is_open: bool = False
    """Whether every scenario has an open model."""
    service: Times = field(default_factory=Times)
    error_times: Mapping[int, Times] = field(default_factory=dict)
    """Of the answers whose status was an error, by status."""
    connects: Times = field(default_factory=Times)
    lost_on_new: int = 0
    """Requests that got no answer over a connection of their own opening."""
    reused: int = 0
    """Answers over connections that had carried a request before."""
    sending: Times = field(default_factory=Times)
    """Of the requests that did not leave at once."""
    gaps: Sequence[Sequence[tuple[int, int]]] = ()
    """Of each worker: times without an answer, in nanoseconds from the run's start."""
    heads: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    """Headers of one answer of each error status, by lower-case name."""
    network: Network = field(default_factory=Network)
    sight: Sight = "none"
    is_here: bool = False
    """Whether the target listens on this machine."""
    is_wrong: bool = False
    """Whether the run shows that something limits it: errors, a crossed threshold, less answered than asked."""
    is_slow: bool = False
    """Whether it shows that the target is too slow: a crossed threshold on times or rates, less answered than asked."""

    @property
    def answered(self) -> int:
        """Complete responses."""
        return self.statuses.total()

    @property
    def short(self) -> float:
        """Share of what an open model asked for by which less ended, in the second half of the run.

        At its beginning less ends than is due, by what an iteration takes. A few more or less are chance.
        """
        half = self.seconds[len(self.seconds) // 2 :]
        due, ended = sum(each.due for each in half), sum(each.ended for each in half)
        return max(0.0, due - ended - sqrt(due)) / due if due else 0.0

"""What a situation is: a server with a law, a client with limits, surroundings, and what the report must say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from loadcore import Scenario
    from tests.verdict.laws import Law

Subject = Literal["client", "script", "target", "other programs", "plan", "results"]
Truth = Literal["server", "front", "none"]


@dataclass(frozen=True)
class Figure:
    """A number that a finding must hold: the truth, and how far from it it may be."""

    true: float
    unit: Literal["s", "/s", "%", ""]
    """Of times it is compared in seconds."""
    within: float = 0.15
    """As a share of the truth."""


@dataclass(frozen=True)
class Named:
    """A finding that names a cause rightly."""

    subject: Subject
    about: str
    """A pattern that its rule or its message matches, in any case."""
    figure: Figure | None = None
    remedy: str = ""
    """A pattern that its message or advice matches as well."""


@dataclass(frozen=True)
class Expected:
    """What the summary of a run must and must not say."""

    exit_codes: frozenset[int] = frozenset()
    """Besides 111, which the truth decides on. Empty: the truth decides on all: 0 if the report is near it."""
    named: tuple[Named, ...] = ()
    """Each of these findings must be there."""
    needs_effect: bool = False
    """Whether there is something to name only if the report is off the truth by more than 3 %."""
    never: str = ""
    """A pattern that no finding about the client may match, whatever else disturbs it."""
    may_blame: frozenset[str] = frozenset()
    """Further subjects that have a part in it, so that naming them is not false."""


@dataclass(frozen=True)
class Target:
    """How the server is started."""

    law: Law
    options: tuple[str, ...] = ()
    front: Literal["", "proxy", "timing", "tls"] = ""
    """nginx in front of it: plain, with a header that tells the upstream's time, or with TLS."""
    upstream_timeout_ms: int = 60_000


@dataclass(frozen=True)
class Surroundings:
    """What the client may have, and what else runs."""

    open_files: int | None = None
    cores: str | None = None
    """`taskset` of the client."""
    first: bool = False
    """Whether the client comes before other programs, where that is permitted: what is too much is its own work."""
    target_cores: str | None = None
    local_ports: tuple[int, int] | None = None
    """The range, in a network namespace of its own."""
    quota: float | None = None
    """Of a core, for the client."""
    stopped_ms: tuple[int, int] | None = None
    """For how long the client's processes are stopped in each period, and the period."""
    stopped_once_s: tuple[float, float] | None = None
    """They are stopped once: after how long, and for how long."""
    hogs: int = 0
    """Programs that want a core each, all the time."""
    bursts_ms: tuple[int, int] | None = None
    """For how long one program on each core is busy in each period, and the period."""


@dataclass(frozen=True)
class Situation:
    """One row of the matrix."""

    key: str
    """Letter and variant: `f-open`."""
    title: str
    scenario: Scenario
    target: Target
    expected: Expected
    around: Surroundings = Surroundings()
    truth: Truth = "server"
    """Whose log is the truth of the times; `none` where the way to the server is what takes the time."""
    timeout_ms: int | None = None
    """What a request took that the server never saw, and so cannot tell of, but the report holds."""
    workers: int = 1
    starved: bool = False
    """Whether it is one of the six closed loops whose client is starved."""
    due_in_slow_phases: int | None = None
    """A run is false that is green though less than 99 % of these arrived at the server in its slow phases."""

    @property
    def letter(self) -> str:
        """The situation of which this is a variant."""
        return self.key.partition("-")[0]

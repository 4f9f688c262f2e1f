"""What a live view shows at one moment, free of where it came from and of how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.report.step_table import StepRow


@dataclass(frozen=True, slots=True)
class ThresholdFrame:
    """How a threshold stands now.

    Attributes:
        expression: As the user wrote it.
        state: `pass`, `fail` or `no_data`.
        value: What is measured so far, in `unit`; None without data.
        unit: `ratio`, `ns`, `per_s` or `count`.
    """

    expression: str
    state: str
    value: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """What went wrong in one step, in one way.

    Attributes:
        what: The outcome, or `http_` and the status where that was the error.
        step: Where.
        count: How often since the run began.
    """

    what: str
    step: str
    count: int


@dataclass(frozen=True, slots=True)
class ClientFrame:
    """How this machine bears the load.

    Attributes:
        ok: Whether it keeps up.
        cpu_ratio: CPU of the busiest worker's engine thread, of one core.
        lag_p99_ns: How late requests were sent in the last seconds.
        open_fds: Descriptors that the fullest worker holds.
        fd_limit: How many it may hold.
    """

    ok: bool = True
    cpu_ratio: float | None = None
    lag_p99_ns: int | None = None
    open_fds: int | None = None
    fd_limit: int | None = None


@dataclass(frozen=True, slots=True)
class BreakFrame:
    """Where a threshold began to be crossed, second after second, for the first time.

    Attributes:
        second: The first of these seconds, since the run began.
        expression: The threshold.
        before: The load of the second before; None if there was none.
    """

    second: int
    expression: str
    before: LoadFrame | None = None


@dataclass(frozen=True, slots=True)
class LoadFrame:
    """The load of a second.

    Attributes:
        users: Users that ran.
        requests_per_s: Requests that ended.
        p95_ns: Of the response times of the last seconds.
    """

    users: int
    requests_per_s: float
    p95_ns: int | None


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of a run.

    Attributes:
        second: Seconds since the run began.
        users_active: Users that are in an iteration or in their think time.
        users_planned: The most users there will be; 0 if unknown.
        phase: `warm_up`, `steady`, `ramp_down`, or empty.
        steps: A row for each step that made requests: counts since the run began, the rate of the last second,
            percentiles of the last seconds.
        total: All steps together.
        dropped: Iterations that were due while no user was free.
        errors: The most frequent kinds of errors, the first first.
        thresholds: How they stand.
        client: How this machine bears it.
        broke: Where the run broke; None if it has not.
        changed: The last change of the load, if it was changed while it ran: `rate 300/s`, `shop: pause`.
    """

    second: int
    users_active: int
    users_planned: int
    total: StepRow
    steps: Sequence[StepRow] = ()
    phase: str = ""
    dropped: int = 0
    errors: Sequence[ErrorFrame] = ()
    thresholds: Sequence[ThresholdFrame] = ()
    client: ClientFrame = field(default_factory=ClientFrame)
    broke: BreakFrame | None = None
    changed: str = ""

"""What is exported of a run: sums since its start and what is true now, by step and by scenario."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from loadcore.results.schema import PHASES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.engine import Histogram
    from loadcore.plan.orders import Order
    from loadcore.results.sum.exemplars import Exemplar
    from loadcore.results.sum.tally import StepTotals
    from loadcore.results.sum.totals import Totals

BOUNDS_S: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25),
    *(0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Upper bounds of the buckets of times."""
EDGES: Final = (*map(str, BOUNDS_S), "+Inf")
"""The same as Prometheus writes them."""
_NS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Traced:
    """A duration of a request that has a trace.

    Attributes:
        value_s: How long it took.
        trace_id: The id of its trace, in hexadecimal.
        span_id: The id of its span.
        at_ns: When it ended, in nanoseconds since 1970.
    """

    value_s: float
    trace_id: str
    span_id: str
    at_ns: int

    @property
    def bucket(self) -> int:
        """Which bucket it is in."""
        return bisect_left(BOUNDS_S, self.value_s)


@dataclass(frozen=True, slots=True)
class Times:
    """Durations, in buckets.

    Attributes:
        counts: Of each bucket, and of what is above the last bound.
        sum_s: Of all.
        min_s: The least; 0 without any.
        max_s: The greatest.
        exemplars: The slowest of the last seconds that have a trace, one of a bucket.
    """

    counts: tuple[int, ...]
    sum_s: float
    min_s: float
    max_s: float
    exemplars: tuple[Traced, ...] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class StepMeasures:
    """The requests of a step, in all phases.

    Attributes:
        scenario: Its scenario.
        step: Its name.
        method: Its method.
        section: `main`, `start` or `auth`.
        outcomes: Requests by outcome.
        statuses: Responses by status.
        errors: Requests that are errors.
        service: From sent to the last byte.
        response: From due to the last byte.
        sent_bytes: Bytes that were sent.
        received_bytes: Bytes that came.
    """

    scenario: str
    step: str
    method: str
    section: str
    outcomes: Mapping[str, int]
    statuses: Mapping[int, int]
    errors: int
    service: Times
    response: Times
    sent_bytes: int
    received_bytes: int


@dataclass(frozen=True, slots=True)
class Measures:
    """A run up to a second.

    Attributes:
        steps: Of each step.
        iterations: By scenario and end: `started`, `completed`, `failed`, `dropped`.
        users: Those that are active, by scenario.
        changes: Changes of the load while it ran, by scenario and kind.
        paused: Which scenarios are paused, of all.
        ordered_users: Users that were ordered while it ran, by scenario.
        ordered_per_s: Rates that were ordered while it ran, by scenario.
        client_cpu: Of each worker, of one core, in the last second; without those that are not known.
        client_lag_p99_s: Of each worker, over the whole run.
        rows_dropped: Rows that came too fast for the writer.
    """

    steps: Sequence[StepMeasures] = ()
    iterations: Mapping[tuple[str, str], int] = field(default_factory=dict)
    users: Mapping[str, int] = field(default_factory=dict)
    changes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    paused: Mapping[str, bool] = field(default_factory=dict)
    ordered_users: Mapping[str, int] = field(default_factory=dict)
    ordered_per_s: Mapping[str, float] = field(default_factory=dict)
    client_cpu: Mapping[int, float] = field(default_factory=dict)
    client_lag_p99_s: Mapping[int, float] = field(default_factory=dict)
    rows_dropped: int = 0


def measures_of(totals: Totals) -> Measures:
    """The numbers of a run, free of it: they do not change while it lasts."""
    whole = totals.over(*PHASES)
    recent = totals.recent().steps
    # The second that is complete ends now.
    began_ns = time.time_ns() - (totals.last_second + 1) * 1_000_000_000
    workers = totals.workers.values()
    cpu = {each.worker: each.second.cpu_ratio for each in workers}
    return Measures(
        steps=[
            _step(step, recent[key].exemplars if key in recent else (), began_ns) for key, step in whole.steps.items()
        ],
        iterations={
            (name, end): getattr(scenario, f"iterations_{end}")
            for name, scenario in whole.scenarios.items()
            for end in ("started", "completed", "failed", "dropped")
        },
        users={name: totals.users_active(name) for name in whole.scenarios},
        changes=Counter((order.scenario, order.change.kind) for order in totals.orders),
        paused={
            name: _is_paused(name, totals.orders)
            for name in (*whole.scenarios, *(order.scenario for order in totals.orders))
        },
        ordered_users={each.scenario: n for each in totals.orders if (n := each.change.users) is not None},
        ordered_per_s={each.scenario: rate.per_second for each in totals.orders if (rate := each.change.rate)},
        client_cpu={worker: ratio for worker, ratio in cpu.items() if ratio is not None},
        client_lag_p99_s={each.worker: each.lag.quantile(0.99) / _NS for each in workers if each.lag.count},
        rows_dropped=sum(each.rows_dropped for each in workers),
    )


def _is_paused(scenario: str, orders: Sequence[Order]) -> bool:
    """Whether its load was paused, and not resumed since."""
    kinds = [order.change.kind for order in orders if order.scenario == scenario]
    pauses = [kind for kind in kinds if kind in {"pause", "resume"}]
    return bool(pauses) and pauses[-1] == "pause"


def _step(step: StepTotals, slowest: Sequence[Exemplar], began_ns: int) -> StepMeasures:
    def traced(name: Literal["service_ns", "response_ns"]) -> tuple[Traced, ...]:
        found: dict[int, Traced] = {}
        for each in slowest:
            one = Traced(getattr(each, name) / _NS, each.trace_id, each.span_id, began_ns + each.end_ns)
            found.setdefault(one.bucket, one)
        return tuple(found.values())

    return StepMeasures(
        scenario=step.scenario,
        step=step.name,
        method=step.method,
        section=step.section,
        outcomes=dict(step.outcomes),
        statuses=dict(step.statuses),
        errors=step.errors,
        service=times_of(step.service, step.service_sum_ns, traced("service_ns")),
        response=times_of(step.response, step.response_sum_ns, traced("response_ns")),
        sent_bytes=step.bytes_sent,
        received_bytes=step.bytes_received,
    )


def times_of(histogram: Histogram, sum_ns: int, exemplars: tuple[Traced, ...] = ()) -> Times:
    """A histogram in the buckets that are exported. At a bound it is exact to 0.1 %."""
    counts = [0] * (len(BOUNDS_S) + 1)
    for value_ns, count in histogram.buckets():
        counts[bisect_left(BOUNDS_S, value_ns / _NS)] += count
    known = bool(histogram.count)
    least, greatest = (histogram.min_ns / _NS, histogram.max_ns / _NS) if known else (0.0, 0.0)
    return Times(tuple(counts), sum_ns / _NS, least, greatest, exemplars)

"""Gathers from the windows what the rules about the target look at."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from loadcore.engine import SECTIONS, Histogram
from loadcore.judge.target.facts import Facts, Hint, Network, Process, Second, Step
from loadcore.judge.target.times import Times, thinned
from loadcore.results.sum.tally import MAIN, Row, StepTotals, Tally
from loadcore.wording.outcomes import ANSWERED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loadcore.results.run_facts import RunEnd, RunStart
    from loadcore.results.samples import Sample

_NS = 1_000_000_000
_OPEN_S = 5
"""Workers report a second within this time; then its times are kept in a thinner form."""
_MOST_SECONDS = 3_600
"""Of a longer run its beginning and its end are kept, half of these each: what limits it shows there."""
_MOST_GAPS = 1_000
"""Of a worker, the longest."""
_FIRST_ERROR: Final = 400
_LATE_NS = 100_000_000
"""A second that a worker ends later than this stood still, and so did its client."""


_StepKey: TypeAlias = tuple[str, str]
"""Scenario and name."""


@dataclass(slots=True)
class _Sum:
    """A second in the making."""

    answered: int = 0
    service_sum_ns: int = 0
    due: int = 0
    ended: int = 0
    service: Histogram | None = None
    times: Times = field(default_factory=Times)
    statuses: Counter[int] = field(default_factory=Counter)
    by_step: dict[_StepKey, Counter[int]] = field(default_factory=dict)
    beside: dict[int, int] = field(default_factory=dict)
    process: Process | None = None
    stalled_ns: int = 0


class TargetTotals:
    """Adds up what windows say about the target."""

    def __init__(self) -> None:
        self._seconds: dict[int, _Sum] = defaultdict(_Sum)
        self._connects: Any = Histogram()
        self._sending: Any = Histogram()
        self._error_times: dict[int, Any] = defaultdict(Histogram)
        self._gaps: dict[int, list[tuple[int, int]]] = {}
        self._hints: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        self._steps_with: dict[int, set[_StepKey]] = defaultdict(set)
        self._lost_on_new = 0
        self._rtts_ns: list[int] = []
        self._network: Counter[str] = Counter()

    def add(self, second: int, worker: int, rows: Iterable[Row]) -> None:
        """Add a second of a worker."""
        total = self._seconds[second]
        for row in rows:
            match row["kind"]:
                case "step" if row["section"] == MAIN:
                    self._add_step(total, row)
                case "scenario":
                    total.due += row["iterations_due"] or 0
                    total.ended += (row["iterations_completed"] or 0) + (row["iterations_failed"] or 0)
                case "worker":
                    self._add_worker(total, worker, row)
        self._thin(second - _OPEN_S)
        self._seconds.pop(second - _MOST_SECONDS // 2 if second >= _MOST_SECONDS else -1, None)

    @property
    def failed(self) -> set[str]:
        """Names of the steps that got error statuses."""
        return {name for steps in self._steps_with.values() for _, name in steps}

    def add_of_whole(self, row: Row) -> None:
        """Add what a step says that is not asked for by the second."""
        for entry in row["error_times"] or ():
            self._error_times[entry["status"]].add_encoded(entry["service"])
        for hint in row["hints"] or ():
            sums = self._hints[row["name"], hint["name"]]
            for place, name in enumerate(("count", "sum_ns", "ttfb_sum_ns")):
                sums[place] += hint[name]
        if row["connect"] is not None:
            self._connects.add_encoded(row["connect"])
        self._lost_on_new += row["lost_on_new"] or 0

    def add_target(self, row: Row) -> None:
        """Add what was read of the target in a second."""
        wall_ns = row["wall_ns"] or _NS
        share = {name: _share(row[f"target_{name}_ns"], wall_ns) for name in ("cpu", "busiest", "thread")}
        self._seconds[row["second"]].process = Process(
            program=row["target_program"] or "",
            processes=row["target_processes"] or 0,
            cores=share["cpu"],
            busiest=share["busiest"],
            thread=share["thread"],
            thread_waited=_share(row["target_waited_ns"], wall_ns) or 0.0,
            allowed=row["target_cores"],
            throttled=_share(row["target_throttled_ns"], wall_ns) or 0.0,
            open_fds=row["target_open_fds"],
            fd_limit=row["target_fd_limit"],
            accept_waiting=row["accept_waiting"],
            accept_limit=row["accept_limit"],
            accept_drops=row["accept_drops"] or 0,
        )
        if row["rtt_ns"]:
            self._rtts_ns.append(row["rtt_ns"])
        for name in ("segments_sent", "segments_resent", "blocked_ns", "sending_ns"):
            self._network[name] += row[name] or 0

    def facts(
        self,
        start: RunStart,
        end: RunEnd,
        steady: Tally,
        samples: Sequence[Sample],
        *,
        is_wrong: bool,
        is_slow: bool = False,
    ) -> Facts:
        """What is known at the end of a run, or so far."""
        main = steady.all_steps()
        seconds = self._whole_seconds(start, end)
        target = start.target
        is_seen = any(each.process is not None and each.process.cores is not None for each in seconds)
        network, busy_ns = self._network, self._network["sending_ns"]
        return Facts(
            seconds=seconds,
            steps=[self._step(step) for step in steady.steps.values() if step.section == MAIN],
            statuses=main.statuses,
            outcomes=steady.all_steps(*SECTIONS).outcomes,
            is_open=start.open_only,
            service=_times(main.service),
            error_times={status: _times(found) for status, found in self._error_times.items()},
            connects=_times(self._connects),
            lost_on_new=self._lost_on_new,
            reused=max(0, main.statuses.total() - main.connections),
            sending=_times(self._sending),
            gaps=list(self._gaps.values()),
            heads=_heads(samples),
            network=Network(
                rtt_ns=round(median(self._rtts_ns)) if self._rtts_ns else 0,
                segments=network["segments_sent"],
                resent=network["segments_resent"],
                blocked_ratio=network["blocked_ns"] / busy_ns if busy_ns else 0.0,
            ),
            sight=target.get("sight", "none") if is_seen else "none",
            is_here=bool(target.get("is_here")),
            is_wrong=is_wrong,
            is_slow=is_slow,
        )

    def behind(self, start: RunStart, end: RunEnd) -> float:
        """Share of the iterations due in whole seconds that had not ended when these were over."""
        return Facts(seconds=self._whole_seconds(start, end)).short

    def _add_step(self, total: _Sum, row: Row) -> None:
        total.answered += sum(entry["count"] for entry in row["outcomes"] or () if entry["name"] in ANSWERED)
        total.service_sum_ns += row["service_sum_ns"] or 0
        if row["service"] is not None:
            total.service = total.service or Histogram()
            total.service.add_encoded(row["service"])
        step = row["scenario"], row["name"]
        statuses = total.by_step.setdefault(step, Counter())
        for entry in row["statuses"] or ():
            statuses[entry["status"]] += entry["count"]
            total.statuses[entry["status"]] += entry["count"]
            if entry["status"] >= _FIRST_ERROR:
                self._steps_with[entry["status"]].add(step)
        self.add_of_whole(row)

    def _add_worker(self, total: _Sum, worker: int, row: Row) -> None:
        gaps = self._gaps.setdefault(worker, [])
        gaps += [(gap["from_ns"], gap["to_ns"]) for gap in row["gaps"] or ()]
        if len(gaps) > 2 * _MOST_GAPS:
            longest = sorted(gaps, key=lambda gap: gap[0] - gap[1])[:_MOST_GAPS]
            gaps[:] = sorted(longest)
        if row["sending"] is not None:
            self._sending.add_encoded(row["sending"])
        late_ns = (row["wall_ns"] or 0) - _NS
        total.stalled_ns = max(total.stalled_ns, row["lag_max_ns"] or 0, late_ns if late_ns > _LATE_NS else 0)

    def _thin(self, until: int) -> None:
        for second in range(until, -1, -1):
            total = self._seconds.get(second)
            if total is None or total.service is None:
                return
            total.times = Times(thinned(total.service.buckets()))
            total.service = None
            total.beside = self._beside(total)
            total.by_step.clear()

    def _whole_seconds(self, start: RunStart, end: RunEnd) -> list[Second]:
        """Those that ended before the plan did: after it, less is asked for."""
        planned_ns = start.description.planned_end_ns
        ended_ns = end.ended_ns if planned_ns is None else min(end.ended_ns, planned_ns)
        # A plan without a time ends when its last iterations do, fewer and fewer at once.
        last = ended_ns // _NS - (planned_ns is None)
        return [
            Second(
                second=second,
                answered=total.answered,
                in_flight=total.service_sum_ns / _NS,
                due=total.due,
                ended=total.ended,
                times=total.times if total.service is None else Times(thinned(total.service.buckets())),
                statuses=total.statuses,
                beside=self._beside(total) if total.by_step else total.beside,
                process=total.process,
                client_stalled_ns=total.stalled_ns,
            )
            for second, total in sorted(self._seconds.items())
            if second < last
        ]

    def _beside(self, total: _Sum) -> dict[int, int]:
        """By error status: what the steps that got it answered otherwise."""
        return {
            status: sum(
                total.by_step[step].total() - total.by_step[step][status] for step in steps & total.by_step.keys()
            )
            for status, steps in self._steps_with.items()
            if status in total.statuses
        }

    def _step(self, totals: StepTotals) -> Step:
        answered = totals.statuses.total()
        hints = [
            Hint(name=hint, count=count, mean_ns=sum_ns / count, ttfb_ns=max(ttfb_sum_ns / count, 1))
            for (step, hint), (count, sum_ns, ttfb_sum_ns) in self._hints.items()
            if step == totals.name and count
        ]
        return Step(
            name=totals.name,
            answered=answered,
            service_ns=totals.service.quantile(0.5) if totals.service.count else 0,
            # A stream that its user closed took as long as the user wanted.
            whole=(answered - totals.outcomes["cut"]) / max(totals.service.count, 1),
            ttfb_ns=totals.ttfb.quantile(0.5) if totals.ttfb.count else 0,
            bytes_sent=totals.bytes_sent / max(totals.attempts, 1),
            bytes_received=totals.bytes_received / max(answered, 1),
            hints=hints,
        )


def _times(histogram: Any) -> Times:  # noqa: ANN401 - Histogram
    return Times(tuple(histogram.buckets()))


def _share(ns: int | None, wall_ns: int) -> float | None:
    return None if ns is None else ns / wall_ns


def _heads(samples: Iterable[Sample]) -> dict[int, dict[str, str]]:
    """The headers of the first answer of each status that was sampled."""
    heads: dict[int, dict[str, str]] = {}
    for sample in samples:
        response = sample.response
        if response is not None and response.status is not None and sample.section == MAIN:
            heads.setdefault(response.status, {name.lower(): value for name, value in response.headers})
    return heads

"""Makes a frame from the totals of a running run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from loadcore.judge import lag
from loadcore.live.frame import ClientFrame, ErrorFrame, Frame, LoadFrame, ThresholdFrame
from loadcore.report.step_table import StepRow
from loadcore.results.schema import PHASES
from loadcore.results.sum.client import delayed
from loadcore.results.sum.tally import MAIN
from loadcore.results.sum.totals import RECENT_S

MOST_ERRORS = 3
"""Kinds of errors that a frame names."""

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.engine import Histogram
    from loadcore.live.frame import BreakFrame
    from loadcore.results.sum.tally import StepTotals
    from loadcore.results.sum.totals import Totals


def frame_of(
    totals: Totals,
    second: int,
    users_planned: int,
    phase: str,
    judged: Sequence[Mapping[str, Any]] = (),
    broke: BreakFrame | None = None,
) -> Frame:
    """One moment: counts since the run began, the rate of the last second, percentiles of the last seconds.

    Args:
        totals: What was added up so far; it is only read.
        second: The newest second that is complete.
        users_planned: The most users there will be.
        phase: The phase of the second.
        judged: How the thresholds stand, as in a summary.
        broke: Where the run broke.
    """
    whole = totals.over(*PHASES)
    recent = totals.recent(RECENT_S, second)
    last = totals.recent(1, second)
    steps, total = [], whole.all_steps()
    for key, step in whole.steps.items():
        if key[1] == MAIN:
            now = last.steps.get(key)
            steps.append(_row(step.name, step, recent.steps.get(key), now.requests if now else 0))
    return Frame(
        second=second + 1,
        users_active=totals.users_active(),
        users_planned=users_planned,
        total=_row("all", total, recent.all_steps(), last.all_steps().requests),
        steps=tuple(steps),
        phase=phase,
        dropped=sum(scenario.iterations_dropped for scenario in whole.scenarios.values()),
        errors=tuple(_errors(totals)),
        thresholds=tuple(
            ThresholdFrame(each["expression"], each["state"], each["value"], each["unit"]) for each in judged
        ),
        client=_client(totals, total),
        broke=broke,
        changed=_changed(totals, several=len(whole.scenarios) > 1),
    )


def _changed(totals: Totals, *, several: bool) -> str:
    """The last change of the load, with its scenario where there are several; empty if there was none."""
    if not totals.orders:
        return ""
    last = totals.orders[-1]
    return f"{last.scenario}: {last.change}" if several else str(last.change)


def load_of(frame: Frame) -> LoadFrame:
    """The load of a frame's second."""
    return LoadFrame(frame.users_active, frame.total.requests_per_s or 0.0, frame.total.p95_ns)


def _errors(totals: Totals) -> list[ErrorFrame]:
    """The most frequent kinds of errors, in all phases and sections."""
    counts: Counter[tuple[str, str]] = Counter()
    for (_, _, step, _, outcome, status), span in totals.errors.items():
        counts[outcome or f"http_{status}", step] += span.count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [ErrorFrame(what, step, count) for (what, step), count in ranked[:MOST_ERRORS]]


def _row(name: str, whole: StepTotals, recent: StepTotals | None, per_second: int) -> StepRow:
    times = _times(recent.response) if recent else (None, None, None, None)
    return StepRow(name, whole.requests, float(per_second), whole.errors, *times, judged=whole.judged)


def _times(histogram: Histogram) -> tuple[int | None, int | None, int | None, int | None]:
    if not histogram.count:
        return None, None, None, None
    return histogram.quantile(0.5), histogram.quantile(0.95), histogram.quantile(0.99), histogram.max_ns


def _client(totals: Totals, total: StepTotals) -> ClientFrame:
    """The worst of all workers, since the run began."""
    workers = list(totals.workers.values())
    health = totals.health
    streaks = [*health.cpu.values(), *health.descriptors.values()]
    is_late = any(finding.severity == "invalid" for finding in lag.findings([delayed(total)]))
    if not workers:
        return ClientFrame()
    fullest = max(workers, key=lambda worker: worker.open_fds_max)
    lags = [worker.lag.quantile(0.99) for worker in workers if worker.lag.count]
    return ClientFrame(
        ok=not is_late and not any(streak.counts for streak in streaks),
        cpu_ratio=max((worker.busiest for worker in workers if worker.busiest is not None), default=None),
        lag_p99_ns=max(lags, default=None),
        open_fds=fullest.open_fds_max,
        fd_limit=fullest.fd_limit,
    )

"""The summary's section about the client: could it keep up, and by which numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.engine import SECTIONS, Histogram
from loadcore.judge import headroom, keeping_up, lag
from loadcore.judge.health import Counted
from loadcore.results.sum.tally import MAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.judge.finding import Finding
    from loadcore.results.run_facts import RunEnd, RunStart, WorkerEnd
    from loadcore.results.sum.tally import StepTotals, Tally
    from loadcore.results.sum.totals import Totals, WorkerTotals

_LEAST_WALL_NS = 500_000_000
_ON_TIME_NS = 100_000
_ON_TIME_SHARE = 0.01


def counted_of(start: RunStart, end: RunEnd, whole: Tally, answered: float | None = None) -> Counted:
    """What a run counted, for the rules that look at its end. `answered` is the share of what was asked at a rate."""
    outcomes = whole.all_steps(*SECTIONS).outcomes
    return Counted(
        rows_lost=sum(worker.rows_lost - worker.rows_gone for worker in end.workers),
        rows_gone=sum(worker.rows_gone for worker in end.workers),
        fd_limit_outcomes=outcomes["fd_limit"],
        addr_unavailable_outcomes=outcomes["addr_unavailable"],
        unpaced=start.unpaced,
        fell_behind=answered is not None and answered < keeping_up.LEAST,
    )


def lag_findings(steady: Tally, *, unpaced: bool) -> list[Finding]:
    """What the client's own delay did to the times of the steady phase."""
    steps = [delayed(step, step.scenario, step.name) for step in steady.steps.values() if step.section == MAIN]
    return lag.findings([delayed(steady.all_steps()), *steps], unpaced=unpaced)


def delayed(totals: StepTotals, scenario: str | None = None, step: str | None = None) -> lag.Delayed:
    """The percentiles of some requests, with the client's own delay and without it."""
    response, without, requests = totals.response, totals.response_without_lag, totals.response.count
    quantiles = [quantile for _, quantile in lag.QUANTILES]
    return lag.Delayed(
        scenario,
        step,
        requests,
        tuple(response.quantile(each) for each in quantiles),
        tuple(without.quantile(each) for each in quantiles),
    )


def client_section(start: RunStart, end: RunEnd, totals: Totals, findings: Sequence[Finding]) -> dict[str, Any]:
    """The section `client`: `verdict` is `healthy`, `suspect` or `client_limited`."""
    lag = Histogram()
    for worker in totals.workers.values():
        lag.add(worker.lag)
    ends = {worker.worker: worker for worker in end.workers}
    fullest = max(totals.workers.values(), key=lambda worker: worker.open_fds_max, default=None)
    return {
        "verdict": _verdict(findings),
        "cpu_ratio": max(
            (worker.busiest for worker in totals.workers.values() if worker.busiest is not None), default=None
        ),
        "on_time": _on_time(lag, totals.over().all_steps().service) if start.open_only else None,
        "lag_p50_ns": lag.quantile(0.5) if lag.count else None,
        "lag_p99_ns": lag.quantile(0.99) if lag.count else None,
        "lag_max_ns": max((worker.lag_max_ns for worker in totals.workers.values()), default=None),
        "open_fds": fullest.open_fds_max if fullest else None,
        "fd_limit": fullest.fd_limit if fullest else None,
        "local_ports": start.limits.get("local_ports"),
        "foreign_cores": _foreign_cores(totals),
        "foreign_cores_max": totals.machine.foreign_cores_max if totals.machine.wall_ns else None,
        "workers": [_worker(worker) | _end_of(ends.get(worker.worker)) for _, worker in sorted(totals.workers.items())],
    }


def _on_time(lag: Histogram, service: Histogram) -> float | None:
    """The share of requests that were sent on time: 100 µs late at most, or 1 % of the median service time."""
    if not lag.count or not service.count:
        return None
    allowed_ns = max(_ON_TIME_NS, round(_ON_TIME_SHARE * service.quantile(0.5)))
    count, (late,) = Histogram.count_above(lag.encode(), [allowed_ns])
    return 1 - late / count


def headroom_of(start: RunStart, totals: Totals) -> float | None:
    """How much more of the same this machine could have driven, by what its workers used; None if too short to tell."""
    workers = [worker for worker in totals.workers.values() if worker.wall_ns >= _LEAST_WALL_NS]
    used = sum(worker.process_cpu_ns / worker.wall_ns for worker in workers)
    usable = start.cores if start.nodes else start.limits.get("cores") or start.cores
    cores = min(float(usable), float(start.workers))
    return headroom.afterwards(used, cores)


def _verdict(findings: Sequence[Finding]) -> str:
    worst = {finding.severity for finding in findings if finding.subject in {"client", "script"}}
    return "client_limited" if "invalid" in worst else "suspect" if "suspect" in worst else "healthy"


def _foreign_cores(totals: Totals) -> float | None:
    machine = totals.machine
    return machine.foreign_cpu_ns / machine.wall_ns if machine.wall_ns else None


def _worker(worker: WorkerTotals) -> dict[str, Any]:
    lag = worker.lag
    return {
        "worker": worker.worker,
        "cpu_ratio": worker.cpu_ratio,
        "cpu_ratio_max": worker.cpu_ratio_max,
        "process_cpu_s": worker.process_cpu_ns / 1e9,
        "lag_p50_ns": lag.quantile(0.5) if lag.count else None,
        "lag_p99_ns": lag.quantile(0.99) if lag.count else None,
        "lag_max_ns": worker.lag_max_ns,
        "involuntary_switches": worker.involuntary_switches,
        "open_fds_max": worker.open_fds_max,
        "fd_limit": worker.fd_limit,
    }


def _end_of(end: WorkerEnd | None) -> dict[str, Any]:
    if end is None:
        return {"rows": None, "rows_dropped": None, "rows_lost": None, "ended": None}
    return {
        "rows": end.rows,
        "rows_dropped": end.rows_dropped,
        "rows_lost": end.rows_lost,
        "disk_problem": end.disk_problem,
        "ended": end.reason,
    }

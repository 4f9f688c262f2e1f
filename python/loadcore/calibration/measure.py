"""Measures what a request of a plan costs the client."""

from __future__ import annotations

import math
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from loadcore.calibration.null_target import null_target
from loadcore.errors import ExitCode, RunError
from loadcore.machine import host
from loadcore.processes.launch import run_plan

if TYPE_CHECKING:
    from loadcore.calibration.shape import Shape
    from loadcore.results.open.run import Run

SECONDS: Final = 2.0
"""How long is measured."""


@dataclass(frozen=True)
class Calibration:
    """What was measured of a shape on this machine.

    Attributes:
        cpu_ns_per_request: CPU time of all workers for a request; that of the null target is not in it.
        workers: How many there were.
        users: How many users there were.
        requests: How many requests were sent.
        seconds: For how long.
        target_cpu_s: CPU time of the null target.
        not_covered: What of the plan was left out, a clause each.
    """

    cpu_ns_per_request: float
    workers: int
    users: int
    requests: int
    seconds: float
    target_cpu_s: float
    not_covered: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {**asdict(self), "not_covered": list(self.not_covered)}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Calibration:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: It is not that.
        """
        try:
            found = cls(**{**document, "not_covered": tuple(document["not_covered"])})
        except (KeyError, TypeError) as problem:
            raise ValueError(f"not a calibration: {problem}") from problem
        cost = found.cpu_ns_per_request
        if not isinstance(cost, int | float) or not math.isfinite(cost) or cost <= 0:
            raise ValueError("not a calibration: a request costs something")
        return found


def usable_cores(workers: int) -> float:
    """Cores that this number of workers can use: each has one busy thread."""
    return min(host.allowed_cores(), float(workers))


def calibrate(shape: Shape, workers: int | None) -> Calibration:
    """Run a shape against a null target.

    Args:
        shape: What is measured.
        workers: Processes; one for each core, but no more than users, if None.

    Raises:
        LimitsError: This machine does not allow as many users.
        RunError: Nothing was measured, or a signal came.
    """
    with null_target(shape.answers) as target, tempfile.TemporaryDirectory(prefix="loadcore-calibrate-") as folder:
        run = run_plan(shape.aimed(target.url), (), workers=workers, out=Path(folder) / "run")
        used = psutil.Process(target.pid).cpu_times()
    if run.summary["signal"]:
        stopped = RunError("stopped before the first request")
        stopped.exit_code = ExitCode.INTERRUPTED if run.summary["signal"] == "SIGINT" else ExitCode.TERMINATED
        raise stopped
    return _of(run, shape, used.user + used.system)


def _of(run: Run, shape: Shape, target_cpu_s: float) -> Calibration:
    workers = run.summary["client"]["workers"]
    requests = run.summary["load"]["requests"]["sent_total"]
    cpu_s = sum(worker["process_cpu_s"] for worker in workers)
    if not requests or not cpu_s:
        reasons = "; ".join(run.verdict["reasons"]) or "no request was sent"
        raise RunError(f"the null target measured nothing: {reasons}")
    return Calibration(
        cpu_ns_per_request=cpu_s * 1e9 / requests,
        workers=len(workers),
        users=shape.users,
        requests=requests,
        seconds=run.summary["duration_s"],
        target_cpu_s=target_cpu_s,
        not_covered=(*shape.not_covered, *_failed(run)),
    )


def _failed(run: Run) -> list[str]:
    """Requests that did not come to the end that they would have: less was done for them."""
    everything = run.summary["all"]
    if not everything["errors"]:
        return []
    kinds = ", ".join(
        dict.fromkeys(str(each["outcome"] or f"status {each['status']}") for each in run.summary["errors"])
    )
    return [f"{everything['error_rate']:.1%} of the requests failed there: {kinds}"]

"""The supervisor: what many workers cannot do alone.

It sets up once, waits until all are ready, and starts them together. From then on `Watch` has the run. What only that
needs, pyarrow above all, is imported once the workers have their order: the first request does not wait for it.
"""

from __future__ import annotations

import contextlib
import json
import select
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loadcore.engine import Description, ScenarioInfo
from loadcore.errors import ExitCode, RunError
from loadcore.machine import client_limits
from loadcore.processes import messages
from loadcore.processes.priority import import_giving_way
from loadcore.processes.workers import Workers
from loadcore.results.run_facts import RunStart
from loadcore.results.run_folder import keep, write_durably, write_whole
from loadcore.wording.refusals import refusing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.live.listeners import Listeners
    from loadcore.processes.assignment import Assignment
    from loadcore.processes.executor import Executor
    from loadcore.processes.stop_requests import StopRequests
    from loadcore.processes.watch import Watch

READY_WITHIN_S = 120.0
"""Reading a large feeder may take a while."""

_LEAD_S = 0.01
_LEAD_PER_WORKER_S = 0.001
"""From the order to start to the start: workers that are ready only read a line and start a thread."""
_LOOK_S = 0.02
_TOO_LATE_NS = 5_000_000
"""This close to the start, it is too late to be sure that ended workers send nothing."""
_LEAD_FOR_DISK = 0.5
"""The share of it that writing down the start may take."""
_NS = 1_000_000_000


class Supervisor:
    """Runs one assignment, from any thread.

    Args:
        assignment: The assignment to run.
        listeners: Who follows it.
        stops: Where requests to end the run come from.
    """

    def __init__(self, assignment: Assignment, listeners: Listeners, stops: StopRequests) -> None:
        self._assignment = assignment
        self._listeners = listeners
        self._stops = stops

    def run(self) -> dict[str, Any]:
        """Run to the end; the summary.

        Raises:
            PlanError: The plan is not valid, or this machine does not allow it. Nothing was sent.
            RunError: The workers could not be started, and nothing was sent; or what watches them cannot be imported.
        """
        with self._executor() as workers:
            start, start_at_ns = self._start(workers)
            try:
                watch = self._watch(workers, start, start_at_ns)
                watch.until_the_end()
                watch.collect()
            except BaseException:
                self._disown(start)
                raise
        return watch.conclude()

    def _executor(self) -> Executor:
        assignment = self._assignment
        if assignment.placement is not None:
            return assignment.placement.open(assignment, self._leave_if_asked)
        return Workers.start(assignment.start_worker, assignment.workers, self._leave_if_asked)

    def _start(self, workers: Executor) -> tuple[RunStart, int]:
        """Get all workers ready, write down what starts, and start it everywhere at one moment, which is returned."""
        facts = self._assignment.facts()
        prepared = workers.prepare(self._order_for, self._leave_if_asked, READY_WITHIN_S)
        descriptions = [Description.from_dict(answer.description) for answer in prepared]
        if workers.is_here:
            client_limits.require(self._assignment.needs([each.connections for each in descriptions]))
        workers.arm(self._leave_if_asked, READY_WITHIN_S)
        description = merge(descriptions)
        folder = self._assignment.folder
        with refusing("cannot write into the run folder", folder.path):
            plan = json.dumps(self._assignment.shown_plan, indent=2, ensure_ascii=False)
            write_whole(folder.plan, plan + "\n")
            folder.claim_windows()
            start, order = self._write_start(description, facts | {"nodes": workers.nodes()}, workers.lead_s)
        workers.go(order)
        self._wait_for(order.start_at_ns, workers)
        return start, order.start_at_ns

    def _watch(self, workers: Executor, start: RunStart, start_at_ns: int) -> Watch:
        """All that can wait until the workers send."""
        folder = self._assignment.folder
        import_giving_way("loadcore.processes.watch", "loadcore.results.write.windows_file")
        self._listeners.tell("on_start", start.description)
        with contextlib.suppress(OSError):  # Against a power cut only, and a disk that fails is noticed by its rows.
            keep(folder.plan, folder.start)
        if note := folder.make_latest():
            self._listeners.say(note)
        try:
            from loadcore.processes.watch import Watch  # noqa: PLC0415 - see above
            from loadcore.results.write.windows_file import WindowsFile  # noqa: PLC0415
        except ImportError as problem:
            raise RunError(
                f"the run was ended at once: a package that loadcore needs cannot be imported: {problem}",
                hint="install loadcore with its dependencies again",
            ) from problem
        windows = WindowsFile(folder, start.description, self._assignment.metadata, claimed=True)
        return Watch(self._assignment, start, start_at_ns, workers, windows, self._listeners, self._stops)

    def _disown(self, start: RunStart) -> None:
        """A run that ends by an exception is over: readers must not take this process for one that still runs it."""
        with contextlib.suppress(OSError):
            write_durably(self._assignment.folder.start, replace(start, supervisor={}).to_json())

    def _order_for(self, worker: int) -> messages.Prepare:
        return messages.Prepare(
            plan=self._assignment.plan_json,
            share=worker,
            shares=self._assignment.workers,
            run_dir=str(self._assignment.folder.path),
            worker=worker,
            metadata=self._assignment.metadata,
            program=None if self._assignment.program is None else dict(self._assignment.program),
        )

    def _leave_if_asked(self) -> None:
        if self._stops.count:
            error = RunError("stopped before the first request")
            by_program = self._stops.first in {"SIGTERM", "SIGHUP"}
            error.exit_code = ExitCode.TERMINATED if by_program else ExitCode.INTERRUPTED
            raise error

    def _write_start(
        self, description: Description, facts: dict[str, Any], more_s: float
    ) -> tuple[RunStart, messages.Go]:
        """Write down the start, a moment before it. A slow disk gets more time, so that users do not start late."""
        lead_ns = int((_LEAD_S + _LEAD_PER_WORKER_S * self._assignment.workers + more_s) * _NS)
        while True:
            began_ns = time.monotonic_ns()
            wall_start_us = (time.time_ns() + lead_ns) // 1000
            started_at = datetime.fromtimestamp(wall_start_us / 1e6, UTC).isoformat(timespec="microseconds")
            start = RunStart(description=description, started_at=started_at, wall_start_us=wall_start_us, **facts)
            write_whole(self._assignment.folder.start, start.to_json())
            took_ns = time.monotonic_ns() - began_ns
            if took_ns <= lead_ns * _LEAD_FOR_DISK:
                return start, messages.Go(began_ns + lead_ns, wall_start_us)
            lead_ns = int(2 * took_ns / _LEAD_FOR_DISK)

    def _wait_for(self, start_at_ns: int, workers: Executor) -> None:
        """Until the first request is due, a signal still means that there is no run."""
        while (left_ns := start_at_ns - time.monotonic_ns()) > _TOO_LATE_NS:
            try:
                self._leave_if_asked()
            except RunError:
                workers.kill(sorted(workers.working))
                self._assignment.folder.start.unlink(missing_ok=True)
                raise
            # Not `time.sleep`: it fails where a library fakes the wall clock.
            select.select([], [], [], min(_LOOK_S, (left_ns - _TOO_LATE_NS) / _NS))


def merge(descriptions: Sequence[Description]) -> Description:
    """What all workers together do. Names are the same everywhere; users, iterations, connections add up."""
    first = descriptions[0]
    return first._replace(
        scenarios=tuple(
            _merge_scenarios(entries) for entries in zip(*(each.scenarios for each in descriptions), strict=True)
        ),
        connections=sum(each.connections for each in descriptions),
        feeders=tuple(
            entries[0]._replace(rows=sum(each.rows for each in entries))
            for entries in zip(*(each.feeders for each in descriptions), strict=True)
        ),
    )


def _merge_scenarios(entries: Sequence[ScenarioInfo]) -> ScenarioInfo:
    ends = [entry.planned_end_ns for entry in entries if entry.planned_end_ns is not None]
    iterations = [entry.planned_iterations for entry in entries if entry.planned_iterations is not None]
    return entries[0]._replace(
        planned_end_ns=max(ends) if len(ends) == len(entries) else None,
        planned_iterations=sum(iterations) if len(iterations) == len(entries) else None,
        users=sum(entry.users for entry in entries),
    )

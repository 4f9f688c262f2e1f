"""The supervisor: what many workers cannot do alone.

Its chores: set up once, wait until all are ready, start them together, notice one that is lost, merge what they
report, judge thresholds while they run, end the run early, notice that it is done, tear down and sum up once.
"""

from __future__ import annotations

import contextlib
import json
import select
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loadcore.engine import Description, ScenarioInfo
from loadcore.errors import ExitCode, RunError
from loadcore.judge.thresholds.abort import AbortWatch
from loadcore.machine import client_limits
from loadcore.machine.host_watch import HostWatch
from loadcore.machine.target_watch import Look, TargetWatch
from loadcore.processes import messages
from loadcore.processes.worker_handle import Gone
from loadcore.processes.workers import Workers
from loadcore.results.open.opening import facts_on_disk, judge, requests_of, totals_for
from loadcore.results.run_facts import RunEnd, RunStart, WorkerEnd
from loadcore.results.run_folder import write_durably
from loadcore.results.samples import Sample, Samples
from loadcore.results.schema import PHASES, SCHEMA_VERSION
from loadcore.results.sum import sealing
from loadcore.results.sum.causes import idle
from loadcore.results.sum.measured import Measured, MeasuredSecond
from loadcore.results.write.windows_file import WindowsFile
from loadcore.wording.refusals import refusing
from loadcore.wording.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadcore.judge.thresholds.rule import Rule
    from loadcore.live.listeners import Listeners
    from loadcore.processes.stop_requests import StopRequests
    from loadcore.processes.worker_handle import WorkerHandle
    from loadcore.results.run_folder import RunFolder

READY_WITHIN_S = 120.0
"""Reading a large feeder may take a while."""
SILENT_S = 2.0
"""A worker that says nothing for so long is said to be silent: it reports every second."""
LOST_AFTER_S = 30.0
"""A worker that says nothing for so long is ended and counts as lost."""
WINDOW_GRACE_S = 1.5
"""How long a second waits for the windows of a worker that is late."""
OVERTIME_S = 10.0
"""What a worker may take beyond the planned end and the graceful stop before it is interrupted."""
INTERRUPT_WITHIN_S = 5.0
"""What an interrupted worker may take to seal its files before it is ended."""

_LEAD_S = 0.2
_LEAD_PER_WORKER_S = 0.01
"""From the order to start to the start."""
_LOOK_S = 0.02
_TOO_LATE_NS = 50_000_000
"""So short before the start nobody can be sure any more that workers which are ended send nothing."""
_LEAD_FOR_DISK = 0.5
"""The share of it that writing down the start may take."""
_NS = 1_000_000_000


@dataclass(frozen=True)
class Assignment:
    """What is to be run."""

    plan_json: str
    start: RunStart
    """All that is known before the workers are; the rest is filled in when they are ready."""
    folder: RunFolder
    rules: Sequence[Rule]
    graceful_stop_ns: int
    needs: Callable[[Sequence[int]], client_limits.Needs]
    """What a run needs of the machine whose workers may hold so many connections each."""
    start_worker: Callable[[int], WorkerHandle]
    """Starts a worker of that number."""
    shown_plan: Mapping[str, Any]
    """The plan as it may be shown and stored."""
    look: Look = field(default_factory=Look)
    """Where to look for the target."""


class Supervisor:
    """Runs one assignment, from any thread.

    Args:
        assignment: What is to be run.
        listeners: Who follows it.
        signals: Where requests to end the run come from.
    """

    def __init__(self, assignment: Assignment, listeners: Listeners, signals: StopRequests) -> None:
        self._assignment = assignment
        self._listeners = listeners
        self._signals = signals
        self._handled_signals = 0
        self._aborted_by: Rule | None = None
        self._ends: dict[int, WorkerEnd] = {}
        self._trouble: dict[int, str] = {}
        self._seen: dict[int, int] = {}
        self._silent: set[int] = set()
        self._idle: set[str] = set()
        self._complete = -1
        self._ended_ns = 0
        self._start_at_ns = 0
        self._deadline_ns: int | None = None
        self._interrupted = False
        self._complained = False
        self._folder_gone = False
        self._samples = Samples(assignment.folder.samples)

    def run(self) -> dict[str, Any]:
        """Run to the end; the summary.

        Raises:
            PlanError: The plan is not valid, or this machine does not allow it. Nothing was sent.
            RunError: The workers could not be started. Nothing was sent.
        """
        client_limits.raise_file_limit()
        count = self._assignment.start.workers
        with Workers.start(self._assignment.start_worker, count, self._leave_if_asked) as workers:
            self._workers = workers
            prepared = workers.prepare(self._order_for, self._leave_if_asked, READY_WITHIN_S)
            descriptions = [Description.from_dict(answer.description) for answer in prepared]
            client_limits.require(self._assignment.needs([each.connections for each in descriptions]))
            workers.arm(self._leave_if_asked, READY_WITHIN_S)
            self._go(merge(descriptions))
            try:
                self._watch_over(workers)
            except BaseException:
                self._disown()
                raise
        return self._conclude()

    def _watch_over(self, workers: Workers) -> None:
        """Hear and act until no worker works any more."""
        while workers.working:
            said = workers.next()
            if said is not None:
                self._take(*said)
            self._obey_signals()
            self._complete_seconds()
            self._mind_the_clock()

    def _disown(self) -> None:
        """A bug ends the run: readers must not take this process for one that still runs it."""
        with contextlib.suppress(OSError):
            write_durably(self._assignment.folder.start, replace(self._start, supervisor={}).to_json())

    def _order_for(self, worker: int) -> messages.Prepare:
        start = self._assignment.start
        return messages.Prepare(
            plan=self._assignment.plan_json,
            share=worker,
            shares=start.workers,
            run_dir=str(self._assignment.folder.path),
            worker=worker,
            metadata=_metadata(start),
        )

    def _leave_if_asked(self) -> None:
        if self._signals.count:
            error = RunError("stopped before the first request")
            by_program = self._signals.first in {"SIGTERM", "SIGHUP"}
            error.exit_code = ExitCode.TERMINATED if by_program else ExitCode.INTERRUPTED
            raise error

    def _go(self, description: Description) -> None:
        """Write down what starts, and start it everywhere at one moment."""
        folder = self._assignment.folder
        with refusing("cannot write into the run folder", folder.path):
            write_durably(folder.plan, json.dumps(self._assignment.shown_plan, indent=2, ensure_ascii=False) + "\n")
            self._windows = WindowsFile(folder, description, _metadata(self._assignment.start))
            self._windows.open()
            order = self._write_start(description)
        self._workers.go(order)
        self._start_at_ns = order.start_at_ns
        self._folder_id = folder.identity()
        self._totals = totals_for(self._start)
        self._watch = AbortWatch(self._assignment.rules)
        if description.planned_end_ns is not None:
            self._deadline_ns = description.planned_end_ns + self._allowance_ns()
        self._host = HostWatch(self._workers.pids())
        self._target = TargetWatch(self._assignment.look)
        self._wait_for_start()
        self._listeners.tell("on_start", description)
        if note := folder.make_latest():
            self._listeners.say(note)

    def _wait_for_start(self) -> None:
        """Until the first request is due, a signal still means that there is no run."""
        while (left_ns := -self._elapsed_ns()) > _TOO_LATE_NS:
            try:
                self._leave_if_asked()
            except RunError:
                self._workers.kill(sorted(self._workers.working))
                self._assignment.folder.start.unlink(missing_ok=True)
                raise
            # Not `time.sleep`: it fails where a library fakes the wall clock.
            select.select([], [], [], min(_LOOK_S, (left_ns - _TOO_LATE_NS) / _NS))

    def _write_start(self, description: Description) -> messages.Go:
        """Write down the start, a moment before it. A disk that takes its time gets more, lest users start late."""
        lead_ns = int((_LEAD_S + _LEAD_PER_WORKER_S * len(self._workers.working)) * _NS)
        while True:
            began_ns = time.monotonic_ns()
            wall_start_us = (time.time_ns() + lead_ns) // 1000
            self._start = replace(
                self._assignment.start,
                description=description,
                started_at=datetime.fromtimestamp(wall_start_us / 1e6, UTC).isoformat(timespec="microseconds"),
                wall_start_us=wall_start_us,
            )
            write_durably(self._assignment.folder.start, self._start.to_json())
            took_ns = time.monotonic_ns() - began_ns
            if took_ns <= lead_ns * _LEAD_FOR_DISK:
                return messages.Go(began_ns + lead_ns, wall_start_us)
            lead_ns = int(2 * took_ns / _LEAD_FOR_DISK)

    def _take(self, worker: int, message: messages.Report | Gone) -> None:
        """What a worker said."""
        match message:
            case messages.WindowBatch(stream):
                with pa.ipc.open_stream(stream) as reader:
                    for batch in reader:
                        self._totals.add(self._windows.write(batch))
                self._seen[worker] = self._totals.last_second_of(worker)
                self._mind_the_disk()
            case messages.Sampled(sample):
                self._samples.add(worker, Sample.from_dict(sample))
            case messages.Done(end, ended_ns):
                self._ends[worker] = end
                self._ended_ns = max(self._ended_ns, ended_ns)
                if end.error:
                    self._stop(f"stopping: worker {worker} ended early: {end.error}")
            case messages.Remark(text):
                self._listeners.say(f"worker {worker}: {text}")
            case messages.Trouble(text):
                self._trouble[worker] = text
            case Gone(reason) if worker not in self._ends:
                self._lose(worker, self._trouble.get(worker, reason))
            case _:
                pass
        if worker in self._silent:
            self._silent.discard(worker)
            self._listeners.say(f"worker {worker} is back")

    def _mind_the_disk(self) -> None:
        if self._windows.problem is not None and not self._complained:
            self._complained = True
            self._listeners.say(f"windows are lost, the load goes on: {self._windows.problem}")

    def _mind_the_folder(self) -> None:
        """Files of a folder that is gone are still written to, and lost with the last process that has them open."""
        folder = self._assignment.folder
        if not self._folder_gone and folder.identity() != self._folder_id:
            self._folder_gone = True
            self._listeners.say(f"rows are lost, the load goes on: the run folder {folder.path} was moved or deleted")

    def _lose(self, worker: int, reason: str) -> None:
        files = facts_on_disk(requests_of(self._assignment.folder, worker))
        self._ends[worker] = WorkerEnd(worker, "lost", reason, files=files, lost_after_ns=max(self._elapsed_ns(), 0))
        self._ended_ns = max(self._ended_ns, self._elapsed_ns())
        verdict = "allowed" if self._start.allow_lost_workers else "the run is not valid any more"
        kept = sum(facts.rows for facts in files)
        self._listeners.say(
            f"LOST worker {worker} after {self._elapsed_ns() / _NS:.1f} s ({reason}); "
            f"its {kept} rows are kept; {verdict}"
        )

    def _obey_signals(self) -> None:
        """First: stop and let running iterations finish. Second: stop now. Third: end the workers."""
        while self._handled_signals < self._signals.count:
            self._handled_signals += 1
            if self._handled_signals == 1:
                self._stop("stopping: running iterations may finish; once more stops now")
            elif self._handled_signals == 2:  # noqa: PLR2004 - the second time
                self._interrupt("stopping now; once more ends the workers at once")
            else:
                self._kill(sorted(self._workers.working), "the third signal")

    def _kill(self, workers: Sequence[int], why: str) -> None:
        """End workers at once. What they die of is known, and not for the kernel to say."""
        for worker in workers:
            self._trouble.setdefault(worker, f"ended by loadcore: {why}")
        self._workers.kill(workers)

    def _stop(self, text: str) -> None:
        self._listeners.say(text)
        self._workers.stop()
        self._deadline_ns = self._elapsed_ns() + self._allowance_ns()

    def _interrupt(self, text: str) -> None:
        self._listeners.say(text)
        self._workers.interrupt()
        self._interrupted = True
        self._deadline_ns = self._elapsed_ns() + int(INTERRUPT_WITHIN_S * _NS)

    def _complete_seconds(self) -> None:
        """Deal with every second that all workers have reported, or that has waited long enough."""
        totals = self._totals
        reported = min((self._seen.get(worker, -1) for worker in self._workers.working), default=totals.last_second)
        overdue = min(int(self._elapsed_ns() / _NS - WINDOW_GRACE_S) - 1, totals.last_second)
        while self._complete < max(reported, overdue):
            self._complete += 1
            self._complete_second(self._complete)

    def _complete_second(self, second: int) -> None:
        self._mind_the_folder()
        row = self._host.look()
        if row is not None:
            self._totals.add(self._windows.write_machine(second, self._totals.phase_of(second), row))
        if (seen := self._target.look()) is not None:
            phase = self._totals.phase_of(second)
            self._totals.add(self._windows.write_machine(second, phase, seen, kind="target"))
        measured = Measured(self._totals, self._start, min((second + 1) * _NS, self._elapsed_ns()))
        self._totals.judged = judge(self._assignment.rules, measured, self._aborted_by)
        self._listeners.tell("on_window", self._totals, second)
        self._mind_the_idle()
        rule = self._watch.observe(second, MeasuredSecond(self._totals, self._start, second), measured)
        if rule is not None and self._aborted_by is None:
            self._aborted_by = rule
            self._stop(f"stopping: {rule.expression} has not held for {format_duration(rule.abort_after_ns or 0)}")

    def _mind_the_idle(self) -> None:
        """Say it once of each scenario whose users loop without sending anything."""
        for phase in PHASES:
            for name, scenario in self._totals.over(phase).scenarios.items():
                if scenario.idle_steps and name not in self._idle:
                    self._idle.add(name)
                    self._listeners.say(f"{name}: {idle(scenario.idle_steps)}")

    def _mind_the_clock(self) -> None:
        for worker, silent_s in self._workers.silence().items():
            if silent_s > LOST_AFTER_S:
                self._kill([worker], f"it had said nothing for {silent_s:.0f} s")
            elif silent_s > SILENT_S and worker not in self._silent:
                self._silent.add(worker)
                self._listeners.say(f"worker {worker} has said nothing for {silent_s:.0f} s")
        if self._deadline_ns is None or self._elapsed_ns() < self._deadline_ns:
            return
        if self._interrupted:
            self._kill(sorted(self._workers.working), "it did not stop when it was told to")
        else:
            self._interrupt("the workers are late: stopping now")

    def _conclude(self) -> dict[str, Any]:
        """Sum up and seal the folder."""
        folder = self._assignment.folder
        windows = self._windows.close()
        end = RunEnd(
            ended_ns=self._ended_ns,
            workers=tuple(sealing.kept(folder, self._ends[worker]) for worker in sorted(self._ends)),
            signal=self._signals.first if self._handled_signals else None,
            aborted_by=self._aborted_by.expression if self._aborted_by else None,
            windows_lost=self._windows.problem or sealing.missing(folder, windows),
        )
        judged = judge(
            self._assignment.rules,
            Measured(self._totals, self._start, end.ended_ns, as_planned=end.as_planned),
            self._aborted_by,
        )
        parts = sealing.Parts(self._start, end, self._totals, judged, tuple(self._samples), folder)
        return sealing.seal(folder, parts, windows, self._listeners.say)

    def _elapsed_ns(self) -> int:
        return time.monotonic_ns() - self._start_at_ns

    def _allowance_ns(self) -> int:
        return self._assignment.graceful_stop_ns + int(OVERTIME_S * _NS)


def merge(descriptions: Sequence[Description]) -> Description:
    """What all workers together do. Names are the same everywhere; users, iterations, connections add up."""
    first = descriptions[0]
    return replace(
        first,
        scenarios=tuple(
            _merge_scenarios(entries) for entries in zip(*(each.scenarios for each in descriptions), strict=True)
        ),
        connections=sum(each.connections for each in descriptions),
    )


def _merge_scenarios(entries: Sequence[ScenarioInfo]) -> ScenarioInfo:
    ends = [entry.planned_end_ns for entry in entries if entry.planned_end_ns is not None]
    iterations = [entry.planned_iterations for entry in entries if entry.planned_iterations is not None]
    return replace(
        entries[0],
        planned_end_ns=max(ends) if len(ends) == len(entries) else None,
        planned_iterations=sum(iterations) if len(iterations) == len(entries) else None,
        users=sum(entry.users for entry in entries),
    )


def _metadata(start: RunStart) -> dict[str, str]:
    """What stands in the schema of every Arrow file of a run."""
    return {
        "loadcore.schema_version": SCHEMA_VERSION,
        "loadcore.run_id": start.run_id,
        "loadcore.plan_sha256": start.plan_sha256,
    }

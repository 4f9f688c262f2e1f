"""Watching a run that has started.

Its chores: merge what the workers report, judge thresholds meanwhile, notice a worker that is lost and a disk that is
full, end the run early, notice that it is done, sum up once.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loadcore.control.server import ControlSocket
from loadcore.control.wire import RefusedError
from loadcore.errors import LimitsError
from loadcore.judge.thresholds.abort import AbortWatch
from loadcore.live.breaking import BreakWatch
from loadcore.live.snapshot import frame_of, load_of
from loadcore.machine.host_watch import HostWatch
from loadcore.machine.target_watch import TargetWatch
from loadcore.processes import messages
from loadcore.processes.executor import CarriedOn, NodeNews, NodeSecond
from loadcore.processes.steering import Steering, said
from loadcore.processes.worker_handle import Gone
from loadcore.results.open.opening import facts_on_disk, requests_of, totals_for
from loadcore.results.run_facts import Carried, RunEnd, WorkerEnd
from loadcore.results.samples import Sample, Samples
from loadcore.results.schema import PHASES, STEADY
from loadcore.results.sum import sealing
from loadcore.results.sum.causes import idle
from loadcore.results.sum.measured import Measured, MeasuredSecond
from loadcore.results.sum.parts import Parts
from loadcore.results.sum.thresholds import evaluate_all
from loadcore.results.write.gathered import joined, together
from loadcore.results.write.windows_file import machine_row
from loadcore.wording.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.control.wire import Reply, Request
    from loadcore.judge.thresholds.rule import Rule
    from loadcore.live.listeners import Listeners
    from loadcore.plan.orders import Change
    from loadcore.processes.assignment import Assignment
    from loadcore.processes.executor import Executor, Said
    from loadcore.processes.stop_requests import StopRequests
    from loadcore.results.run_facts import RunStart
    from loadcore.results.write.windows_file import WindowsFile

SILENT_S = 2.0
"""A worker that sends nothing for this time is silent: it reports every second."""
LOST_AFTER_S = 30.0
"""A worker that sends nothing for this time is ended and counts as lost."""
MOST_TOGETHER = 256
"""How many messages are heard before anything else is minded."""
WINDOW_GRACE_S = 1.5
"""How long a second waits for the windows of a worker that is late."""
OVERTIME_S = 10.0
"""What a worker may take beyond the planned end and the graceful stop before it is interrupted."""
INTERRUPT_WITHIN_S = 5.0
"""What an interrupted worker may take to seal its files before it is ended."""

_NS = 1_000_000_000


class Watch:
    """A run from its start to its summary.

    Args:
        assignment: What is run.
        start: What was started.
        start_at_ns: When, on the monotonic clock.
        workers: Who works on it.
        windows: Where their windows go.
        listeners: Who follows the run.
        stops: Where requests to end it come from.
    """

    def __init__(
        self,
        assignment: Assignment,
        start: RunStart,
        start_at_ns: int,
        workers: Executor,
        windows: WindowsFile,
        listeners: Listeners,
        stops: StopRequests,
    ) -> None:
        self._assignment = assignment
        self._start = replace(start, versions={**start.versions, "pyarrow": pa.__version__})
        self._start_at_ns = start_at_ns
        self._workers = workers
        self._windows = windows
        self._listeners = listeners
        self._stops = stops
        self._handled_stops = 0
        self._folder_id = assignment.folder.identity()
        self._totals = totals_for(start)
        self._thresholds = AbortWatch(assignment.rules)
        self._breaks = BreakWatch(assignment.rules)
        self._host = HostWatch(workers.pids()) if workers.is_here else None
        self._target = TargetWatch(assignment.look)
        self._samples = Samples(assignment.folder.samples)
        self._aborted_by: Rule | None = None
        self._aborted_because: str | None = None
        self._ends: dict[int, WorkerEnd] = {}
        self._trouble: dict[int, str] = {}
        self._seen: dict[int, int] = {}
        self._silent: set[int] = set()
        self._idle: set[str] = set()
        self._complete = -1
        self._ended_ns = 0
        self._interrupted = False
        self._stopping = False
        self._complained = False
        self._folder_gone = False
        self._counts_missing: str | None = None
        self._carried: dict[int, tuple[Carried, ...]] = {}
        self._aside: tuple[int, Said] | None = None
        """A message that was read, and waits for those before it to be dealt with."""
        end_ns = start.description.planned_end_ns
        self._deadline_ns = None if end_ns is None else end_ns + self._allowance_ns()
        self._steering = Steering(start, workers.lead_s, self._require_room)

    def until_the_end(self) -> None:
        """Hear and act until no worker works any more."""
        with ControlSocket(self._assignment.folder.path) as control:
            if problem := control.open():
                self._listeners.say(f"the load of this run cannot be changed while it lasts: {problem}")
            while self._workers.working or self._aside:
                self._hear_what_waits()
                self._obey_stops()
                control.serve(self._steer)
                self._complete_seconds()
                self._mind_the_clock()

    def collect(self) -> None:
        """Bring the rows into the run's folder."""
        ends = {worker: replace(end, carried=self._carried.get(worker, ())) for worker, end in self._ends.items()}
        self._ends = self._workers.collect(ends, self._assignment.folder)

    def conclude(self) -> dict[str, Any]:
        """Sum up and seal the folder."""
        self._listeners.tell("on_totals", self._totals)
        folder = self._assignment.folder
        windows = self._windows.close()
        end = RunEnd(
            ended_ns=self._ended_ns,
            workers=tuple(sealing.kept(folder, self._ends[worker]) for worker in sorted(self._ends)),
            signal=self._stops.first if self._handled_stops else None,
            aborted_by=self._aborted_by.expression if self._aborted_by else None,
            aborted_because=self._aborted_because,
            windows_lost=self._windows.problem or self._counts_missing or sealing.missing(folder, windows),
            beside=() if self._assignment.beside is None else (self._assignment.beside.document(),),
        )
        judged = evaluate_all(
            self._assignment.rules,
            Measured(self._totals, self._start, end.ended_ns, as_planned=end.as_planned),
            self._aborted_by,
        )
        parts = Parts(self._start, end, self._totals, judged, tuple(self._samples), folder)
        return sealing.seal(folder, parts, windows, self._listeners.say)

    def _hear_what_waits(self) -> None:
        """Hear what has come. Windows are written and added up together, up to a message that depends on them.

        A batch costs several times what its rows do: one by one, those of a hundred workers would fill a core.
        """
        waiting: dict[int, bytes] = {}
        later: list[tuple[int, Said]] = []
        heard, self._aside = self._aside or self._workers.next(), None
        while heard is not None:
            worker, message = heard
            if isinstance(message, messages.WindowBatch):
                if worker in waiting:  # A later second of it: those before are dealt with first.
                    self._aside = heard
                    break
                waiting[worker] = message.stream
            else:
                later.append(heard)
                if isinstance(message, messages.Done | Gone | CarriedOn):
                    break
            if len(waiting) + len(later) >= MOST_TOGETHER:
                break
            heard = self._workers.next(0)
        self._add_windows(waiting)
        self._add_seconds([message for _, message in later if isinstance(message, NodeSecond)])
        for worker, message in later:
            if not isinstance(message, NodeSecond):
                self._hear(worker, message)

    def _add_windows(self, streams: Mapping[int, bytes]) -> None:
        """Write and add up windows of some workers."""
        for batch in together(streams.values()):
            self._totals.add(self._windows.write(batch))
        for worker in streams:
            self._seen[worker] = self._totals.last_second_of(worker)
            self._is_back(worker)
        if streams:
            self._mind_the_disk()

    def _add_seconds(self, seconds: Sequence[NodeSecond]) -> None:
        """Write and add up what happened on nodes."""
        rows = [
            machine_row(each.second, self._totals.phase_of(each.second), each.values, node=each.node)
            for each in seconds
        ]
        for batch in joined(rows):
            self._totals.add(self._windows.write(batch))

    def _hear(self, worker: int, message: Said) -> None:
        if isinstance(message, NodeSecond):
            self._add_seconds([message])
        elif isinstance(message, NodeNews):
            self._take_news(message)
        elif isinstance(message, CarriedOn):
            self._carry_on(worker, message)
        else:
            self._take(worker, message)

    def _take(self, worker: int, message: messages.Report | Gone) -> None:
        """What a worker said."""
        match message:
            case messages.WindowBatch(stream):
                self._add_windows({worker: stream})
                return
            case messages.Sampled(sample):
                self._samples.add(worker, Sample.from_dict(sample))
            case messages.Done(end, ended_ns):
                self._ends[worker] = end
                self._ended_ns = max(self._ended_ns, ended_ns)
                if end.error:
                    self._stop(f"stopping: worker {worker} ended early: {end.error}")
            case messages.Remark(text):
                self._listeners.say(f"worker {worker}: {text}")
            case messages.Printed() | messages.Aborted():
                self._take_from_code(worker, message)
            case messages.Trouble(text):
                self._trouble[worker] = text
            case Gone(reason) if worker not in self._ends:
                self._lose(worker, self._trouble.get(worker, reason))
            case _:
                pass
        self._is_back(worker)

    def _is_back(self, worker: int) -> None:
        if worker in self._silent:
            self._silent.discard(worker)
            self._listeners.say(f"worker {worker} is back")

    def _take_from_code(self, worker: int, message: messages.Printed | messages.Aborted) -> None:
        """What code of the user's said."""
        if isinstance(message, messages.Printed):
            for line in message.lines:
                self._listeners.say(f"worker {worker}: {line}")
        elif self._aborted_because is None:
            self._aborted_because = message.reason
            self._stop(f"stopping: {message.reason}")

    def _take_news(self, said: NodeNews) -> None:
        """What happened to a node."""
        self._listeners.say(said.text)
        if said.counts_missing and self._counts_missing is None:
            self._counts_missing = said.text

    def _carry_on(self, worker: int, said: CarriedOn) -> None:
        """Another node has the share of a worker whose node was lost."""
        known_until_ns = (self._totals.last_second_of(worker) + 1) * _NS
        carried = Carried(
            after_ns=max(0, min(known_until_ns, self._elapsed_ns(), said.begins_ns)),
            requests=self._totals.requests_of(worker),
            **said._asdict(),
        )
        self._totals.move(worker, said.by)
        self._carried[worker] = (*self._carried.get(worker, ()), carried)
        self._listeners.say(
            f"node {said.node} was lost ({said.reason}): node {said.by} carries on the share of worker {worker} "
            f"from {said.begins_ns / _NS:.0f} s on; its load between {carried.after_ns / _NS:.1f} s and then is missing"
        )

    def _mind_the_disk(self) -> None:
        if self._windows.problem is not None and not self._complained:
            self._complained = True
            self._listeners.say(f"windows are lost, but the load continues: {self._windows.problem}")

    def _mind_the_folder(self) -> None:
        """Files of a folder that is gone are still written to, and lost with the last process that has them open."""
        folder = self._assignment.folder
        if not self._folder_gone and folder.identity() != self._folder_id:
            self._folder_gone = True
            self._listeners.say(
                f"rows are lost, but the load continues: the run folder {folder.path} was moved or deleted"
            )

    def _lose(self, worker: int, reason: str) -> None:
        files = facts_on_disk(requests_of(self._assignment.folder, worker))
        self._ends[worker] = WorkerEnd(worker, "lost", reason, files=files, lost_after_ns=max(self._elapsed_ns(), 0))
        self._ended_ns = max(self._ended_ns, self._elapsed_ns())
        verdict = "allowed" if self._start.allow_lost_workers else "the run is now invalid"
        kept = sum(facts.rows for facts in files)
        self._listeners.say(
            f"LOST worker {worker} after {self._elapsed_ns() / _NS:.1f} s ({reason}); "
            f"its {kept} rows are kept; {verdict}"
        )

    def _obey_stops(self) -> None:
        """First: stop and let running iterations finish. Second: stop now. Third: end the workers."""
        while self._handled_stops < self._stops.count:
            self._handled_stops += 1
            if self._handled_stops == 1:
                self._stop("stopping: running iterations may finish; press Ctrl-C again to stop now")
            elif self._handled_stops == 2:  # noqa: PLR2004 - the second time
                self._interrupt("stopping now; press Ctrl-C again to kill the workers")
            else:
                self._kill(sorted(self._workers.working), "the third signal")

    def _steer(self, request: Request) -> Reply:
        """Carry out what is asked for from outside."""
        if self._stopping and request.change is not None:
            raise RefusedError("the run is stopping: its load cannot be changed any more")
        if self._workers.fixed_because and request.change is not None:
            raise RefusedError(
                self._workers.fixed_because, hint="a share that is carried on is the plan's: choose continue or abort"
            )
        orders = self._steering.take(request, self._elapsed_ns())
        for order in orders:
            place = self._steering.places[order.scenario]
            self._workers.change(messages.Change(place, order.at_ns, order.change.for_engine()))
            second = max(0, self._elapsed_ns() // _NS)
            self._totals.add(self._windows.write_order(second, self._totals.phase_of(second), order))
        if orders:
            self._listeners.say(said(orders, self._steering.waiting(orders)))
        return self._steering.reply(orders, request)

    def _require_room(self, scenario: str, change: Change) -> None:
        """Refuse what the machines of the run have too few descriptors, ports or memory for."""
        description, count = self._start.description, self._assignment.workers
        planned = sum(info.users for info in description.scenarios)
        more = (change.users or 0) - next(info.users for info in description.scenarios if info.name == scenario)
        rates = {} if change.rate is None else {scenario: change.rate.per_second}
        if more <= 0 and not rates:
            return
        connections = -(-description.connections * (planned + max(0, more)) // planned)
        try:
            self._workers.require_room(
                -(-connections // count), rates, lambda held: self._assignment.needs(held, rates=rates)
            )
        except LimitsError as refused:
            why = "; ".join(problem.message for problem in refused.problems)
            raise RefusedError(f'"{change}" is too much: {why}', hint=refused.problems[0].hint) from None

    def _kill(self, workers: Sequence[int], why: str) -> None:
        """End workers at once. What they die of is known, and not for the kernel to say."""
        for worker in workers:
            self._trouble.setdefault(worker, f"ended by loadcore: {why}")
        self._workers.kill(workers)

    def _stop(self, text: str) -> None:
        self._stopping = True
        self._listeners.say(text)
        if self._assignment.beside is not None:
            self._assignment.beside.stop()
        self._workers.stop()
        self._deadline_ns = self._elapsed_ns() + self._allowance_ns()

    def _interrupt(self, text: str) -> None:
        self._stopping = True
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
        row = None if self._host is None else self._host.look()
        if row is not None:
            self._totals.add(self._windows.write(machine_row(second, self._totals.phase_of(second), row)))
        if (seen := self._target.look()) is not None:
            phase = self._totals.phase_of(second)
            self._totals.add(self._windows.write(machine_row(second, phase, seen, kind="target")))
        measured = Measured(self._totals, self._start, min((second + 1) * _NS, self._elapsed_ns()))
        judged = evaluate_all(self._assignment.rules, measured, self._aborted_by)
        planned = self._steering.users
        of_second = MeasuredSecond(self._totals, self._start, second)
        self._breaks.observe(second, of_second, measured)
        frame = frame_of(self._totals, second, planned, self._totals.phase_of(second), judged, self._breaks.broke)
        self._breaks.bore(load_of(frame) if frame.phase == STEADY else None)
        self._listeners.tell("on_totals", self._totals)
        self._listeners.tell("on_window", frame, second)
        self._mind_the_idle()
        rule = self._thresholds.observe(second, of_second, measured)
        if rule is not None and self._aborted_by is None:
            self._aborted_by = rule
            self._stop(f"stopping: {rule.expression} has failed for {format_duration(rule.abort_after_ns or 0)}")

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
                self._kill([worker], f"it had sent nothing for {silent_s:.0f} s")
            elif silent_s > SILENT_S and worker not in self._silent:
                self._silent.add(worker)
                self._listeners.say(f"worker {worker} has sent nothing for {silent_s:.0f} s")
        beside = self._assignment.beside
        if beside is not None and not self._interrupted and beside.lost:
            # It cannot tell the workers' code any more that the run is over.
            self._interrupt(f"stopping: {beside.lost}")
        if self._deadline_ns is None or self._elapsed_ns() < self._deadline_ns:
            return
        if self._interrupted:
            self._kill(sorted(self._workers.working), "it did not stop when asked to")
        else:
            self._interrupt("the workers are late: stopping now")

    def _elapsed_ns(self) -> int:
        return time.monotonic_ns() - self._start_at_ns

    def _allowance_ns(self) -> int:
        return self._assignment.graceful_stop_ns + int(OVERTIME_S * _NS)

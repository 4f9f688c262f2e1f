"""Windows added up as they come: the numbers that the live view, thresholds and the summary are made of.

The same code runs during a run, at its end, and when a killed run is opened again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from loadcore.engine import Histogram
from loadcore.judge.clients import of_node, worst_of
from loadcore.judge.health import ClientHealth, Counted
from loadcore.judge.script import PythonTime
from loadcore.judge.seconds import MachineSecond, WorkerSecond
from loadcore.plan.orders import Change, Order
from loadcore.results.schema import MACHINE, ORDER, STEADY, Phase
from loadcore.results.sum import many_windows
from loadcore.results.sum.quickest import Quickest
from loadcore.results.sum.tally import MAIN, Row, Tally
from loadcore.results.sum.target_facts import TargetTotals
from loadcore.wording.outcomes import NO_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from loadcore.judge.finding import Finding


RECENT_S = 5
"""What "the last seconds" means in the live view."""

_LEAST_WALL_NS = 500_000_000


@dataclass(slots=True)
class EngineSecond:
    """What the engine thread did with a second. Scraps of seconds count with what comes after them.

    A run ends within a second, and what its engine used is known with the last window only: both are reported together.
    """

    cpu_ratio: float | None = None
    """Its CPU time, of one core; None until enough is together."""
    core_wait_ratio: float | None = None
    """Share of the time in which it was ready to run and had no core."""
    beside_ratio: float | None = None
    """CPU time of the other threads of its process, of one core."""
    _cpu_ns: int = 0
    _process_cpu_ns: int = 0
    _wait_ns: int | None = 0
    _wall_ns: int = 0

    def add_row(self, row: Row) -> None:
        """Add a window."""
        wait = row["core_wait_ns"]
        self._cpu_ns += row["cpu_ns"] or 0
        self._process_cpu_ns += row["process_cpu_ns"] or 0
        self._wait_ns = None if wait is None or self._wait_ns is None else self._wait_ns + wait
        self._wall_ns += row["wall_ns"] or 0
        self.cpu_ratio = self.core_wait_ratio = self.beside_ratio = None
        if row["cpu_ns"] is None or self._wall_ns < _LEAST_WALL_NS:
            return
        self.cpu_ratio = self._cpu_ns / self._wall_ns
        self.beside_ratio = max(0, self._process_cpu_ns - self._cpu_ns) / self._wall_ns
        self.core_wait_ratio = None if self._wait_ns is None else self._wait_ns / self._wall_ns
        self._cpu_ns = self._wait_ns = self._wall_ns = self._process_cpu_ns = 0


@dataclass(slots=True)
class WorkerTotals:
    """How one worker process did, over the whole run."""

    worker: int
    cpu_ns: int = 0
    """CPU time of the engine thread."""
    process_cpu_ns: int = 0
    wall_ns: int = 0
    cpu_ratio_max: float | None = None
    """The busiest second of the engine thread, of one core; None if no second was whole."""
    lag: Histogram = field(default_factory=Histogram)
    lag_max_ns: int = 0
    script_lag: Histogram = field(default_factory=Histogram)
    involuntary_switches: int = 0
    open_fds_max: int = 0
    fd_limit: int | None = None
    rows_dropped: int = 0
    second: EngineSecond = field(default_factory=EngineSecond)
    """The newest stretch of time of which all is known."""
    in_flight_ns: int = 0
    """The integral of how many requests were in flight, by their sends and ends."""
    flights_ns: int = 0
    """How long requests were in flight, by their records."""
    warm_up_ns: int | None = None
    """When user code ended the warm-up, if it did."""
    ramp_down_ns: int | None = None
    """When user code began the ramp-down."""

    def add_row(self, row: Row) -> None:
        """Add a second."""
        self.cpu_ns += row["cpu_ns"] or 0
        self.process_cpu_ns += row["process_cpu_ns"] or 0
        self.wall_ns += row["wall_ns"] or 0
        self.involuntary_switches += row["involuntary_switches"] or 0
        self.rows_dropped += row["rows_dropped"] or 0
        self.in_flight_ns += row.get("in_flight_ns") or 0
        self.flights_ns += row.get("flights_ns") or 0
        self.warm_up_ns = row.get("warm_up_ns") if self.warm_up_ns is None else self.warm_up_ns
        self.ramp_down_ns = row.get("ramp_down_ns") if self.ramp_down_ns is None else self.ramp_down_ns
        self.lag_max_ns = max(self.lag_max_ns, row["lag_max_ns"] or 0)
        self.open_fds_max = max(self.open_fds_max, row["open_fds"] or 0)
        self.fd_limit = row["fd_limit"] if row["fd_limit"] is not None else self.fd_limit
        self.second.add_row(row)
        if self.second.cpu_ratio is not None:
            self.cpu_ratio_max = max(self.cpu_ratio_max or 0.0, self.second.cpu_ratio)
        if row["lag"] is not None:
            self.lag.add_encoded(row["lag"])
        if row.get("script_lag") is not None:
            self.script_lag.add_encoded(row["script_lag"])

    @property
    def cpu_ratio(self) -> float | None:
        """CPU time of the engine thread over the whole run, of one core."""
        return self.cpu_ns / self.wall_ns if self.wall_ns else None

    @property
    def busiest(self) -> float | None:
        """The busiest second, or the whole run if it was shorter than one."""
        return self.cpu_ratio if self.cpu_ratio_max is None else self.cpu_ratio_max


@dataclass(slots=True)
class MachineTotals:
    """How busy the machine was with the client and with other programs."""

    wall_ns: int = 0
    foreign_cpu_ns: int = 0
    foreign_cores_max: float = 0.0
    _scraps: dict[str, int] = field(default_factory=dict)

    def add_row(self, row: Row) -> Row | None:
        """Add a second. Gives it with the scraps of seconds before it; None while it is one itself."""
        self.wall_ns += row["wall_ns"] or 0
        self.foreign_cpu_ns += row["foreign_cpu_ns"] or 0
        whole = {name: self._scraps.get(name, 0) + (row[name] or 0) for name in _OF_MACHINE}
        if whole["wall_ns"] < _LEAST_WALL_NS:
            self._scraps = whole
            return None
        self._scraps = {}
        self.foreign_cores_max = max(self.foreign_cores_max, whole["foreign_cpu_ns"] / whole["wall_ns"])
        return whole


_OF_MACHINE = ("wall_ns", "foreign_cpu_ns", "client_cpu_ns", "throttled_ns")


@dataclass(slots=True)
class OneNode:
    """One machine of several."""

    name: str
    cores: float
    health: ClientHealth = field(default_factory=ClientHealth)
    machine: MachineTotals = field(default_factory=MachineTotals)


ErrorKey = tuple[str, str, str, str, str, int]
"""Scenario, section, step, phase, outcome (empty: the status was the error), status (0: the outcome was the error)."""


@dataclass(slots=True)
class ErrorSpan:
    """How often one kind of error came, and from which second to which."""

    count: int
    first_s: int
    last_s: int


class Totals:
    """Adds windows up.

    Args:
        cores: On how many cores the client may run, to tell what share of them other programs used.
        usable_cores: How many of them the client may use; None if that is not known.
        nodes: The machines of a run on several: their names, workers and cores. Each is judged by itself.
    """

    def __init__(
        self, cores: int = 1, usable_cores: float | None = None, nodes: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self.health = ClientHealth()
        self.python = PythonTime()
        self._nodes = [OneNode(node["name"], float(node["cores"] or 1)) for node in nodes]
        self._node_of = {worker: number for number, node in enumerate(nodes) for worker in node["workers"]}
        self._requests: Counter[int] = Counter()
        self._started: Counter[tuple[int, str]] = Counter()
        self.workers: dict[int, WorkerTotals] = {}
        self.machine = MachineTotals()
        self.target = TargetTotals()
        self.errors: dict[ErrorKey, ErrorSpan] = {}
        self.users_peak: dict[str, int] = {}
        self.asked: dict[str, Counter[int]] = {}
        """By scenario: requests due in each second of the steady phase; an arrival without a free user is one."""
        self.quickest: dict[str, Quickest] = {}
        """By scenario: how quickly the target answers at its best."""
        self.orders: list[Order] = []
        """Changes of the load, in the order in which they were given."""
        self.last_second = -1
        """The newest second that any worker has sent a window of."""
        self._cores = cores
        self._usable_cores = usable_cores
        self._phases: dict[str, Tally] = {}
        self._phase_of: dict[int, str] = {}
        self._recent: dict[int, list[Row]] = {}
        self._recent_tallies: dict[int, Tally] = {}
        self._users: dict[tuple[str, int], int] = {}
        self._users_in: dict[tuple[str, int], int] = {}
        self._last_iterations: dict[tuple[str, int], int] = {}
        self._last_seconds: dict[int, int] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a batch with the columns of `schema.WINDOWS`: those of a worker in the order of their seconds."""
        if batch.num_rows >= many_windows.MANY:
            self._add_many(batch)
            return
        for (second, worker), group in groupby(batch.to_pylist(), key=lambda row: (row["second"], row["worker"])):
            rows = list(group)
            self._add_second(second, worker, rows)
            for row in rows if worker > MACHINE else ():
                if row["kind"] != "worker":
                    self._sum(row)
                    self._note_errors(row)
                    self._keep(row)
        self._forget()

    def over(self, *phases: Phase) -> Tally:
        """Everything so far in these phases; in the steady one if none is named. Do not change what is returned."""
        if len(phases) <= 1:
            return self._phases.get(phases[0] if phases else STEADY, Tally())
        return Tally().add(self._phases[phase] for phase in phases if phase in self._phases)

    def phase_of(self, second: int) -> str:
        """The phase that one of the last seconds began in, as the engine says; else that of the newest."""
        return self._phase_of.get(second, self._phase_of.get(self.last_second, STEADY))

    def recent(self, seconds: int = RECENT_S, until: int | None = None, phase: Phase | None = None) -> Tally:
        """The last seconds. At most `RECENT_S` are kept.

        Args:
            seconds: How many.
            until: The last of them; the newest that is complete if None.
            phase: Only what belongs to this one, whichever that is if None.
        """
        last = self.last_second if until is None else until
        if phase is not None:
            tally = Tally()
            for second in range(last - seconds + 1, last + 1):
                for row in self._recent.get(second, ()):
                    if row["phase"] == phase:
                        tally.add_row(row)
            return tally
        return Tally().add(self._tally_of(second) for second in range(last - seconds + 1, last + 1))

    def users_active(self, scenario: str | None = None) -> int:
        """Users that run now, in all workers."""
        return sum(users for (name, _), users in self._users.items() if scenario in (None, name))

    def steady_of_code(self) -> tuple[int | None, int | None]:
        """From when to when workers were steady on average, where user code says so. None: it has not said it.

        Each measures from its own begin to its own end. All that they have measured, over the mean of these times, is
        the sum of their rates where those are alike; from the last begin on it would be more than that.
        """
        begins = [each.warm_up_ns for each in self.workers.values() if each.warm_up_ns is not None]
        ends = [each.ramp_down_ns for each in self.workers.values() if each.ramp_down_ns is not None]
        return _mean(begins), _mean(ends)

    def last_iterations(self) -> dict[str, int]:
        """When the last iteration of a scenario ended, of those that have ended in all workers."""
        ended: dict[str, list[int]] = {}
        for (scenario, _), at_ns in self._last_iterations.items():
            ended.setdefault(scenario, []).append(at_ns)
        return {scenario: max(ends) for scenario, ends in ended.items() if len(ends) == len(self.workers)}

    def spoils(self, counted: Counted, late: Sequence[Finding]) -> list[Finding]:
        """What spoils the measurement: see `ClientHealth.spoils`. What is of one node has its name."""
        if not self._nodes:
            return self.health.spoils(counted, late)
        of_load = Counted(unpaced=counted.unpaced, fell_behind=counted.fell_behind)
        of_nodes = [of_node(node.name, node.health.spoils(of_load)) for node in self._nodes]
        return [*(found for each in of_nodes for found in each), *self.health.spoils(counted, late)]

    def verdict_of(self, node: int, counted: Counted) -> str:
        """How a node did as a client: `healthy`, `suspect` or `client_limited`."""
        of_load = Counted(unpaced=counted.unpaced, fell_behind=counted.fell_behind)
        return worst_of(self._nodes[node].health.spoils(of_load))

    def requests_of(self, worker: int) -> int:
        """Requests that a worker has recorded."""
        return self._requests[worker]

    def started_of(self, worker: int, scenarios: Sequence[str]) -> int:
        """Iterations of some scenarios that a worker has started."""
        return sum(self._started[worker, scenario] for scenario in scenarios)

    def move(self, worker: int, node: str) -> None:
        """From now on a worker is on the node of this name."""
        self._node_of[worker] = next(number for number, each in enumerate(self._nodes) if each.name == node)

    def last_second_of(self, worker: int) -> int:
        """The newest second of a worker; -1 before its first."""
        return self._last_seconds.get(worker, -1)

    def _add_second(self, second: int, worker: int, rows: list[Row]) -> None:
        if worker <= MACHINE:
            self._add_machine(second, rows, MACHINE - worker)
            return
        self.last_second = max(self.last_second, second)
        self._last_seconds[worker] = max(self.last_second_of(worker), second)
        for row in rows:
            if row["kind"] == "worker":
                self._phase_of[second] = row["phase"]
                self._add_worker(row)
            else:
                self._note_asked(second, row)
        self._note_quickest(rows)
        self._count_users(second, worker, rows)
        self.target.add(second, worker, rows)

    def _add_many(self, batch: pa.RecordBatch) -> None:
        """The same as adding the rows one by one, which takes half as much CPU again: most of both is histograms."""
        of_workers = many_windows.of_workers(batch)
        for row in many_windows.summed(of_workers):
            self._sum(row)
        for each in many_windows.errors(of_workers, NO_ERRORS):
            self._note(each.kind, each.number, each.first_s, each.last_s)
        for row in many_windows.of_target(of_workers):
            self.target.add_of_whole(row)
        for second, worker, rows in many_windows.by_second(batch, self.target.failed):
            self._add_second(second, worker, rows)
        for row in many_windows.newest(of_workers, self.last_second - RECENT_S):
            self._keep(row)
        self._forget()

    def _sum(self, row: Row) -> None:
        """Count what only adds up."""
        self._phases.setdefault(row["phase"], Tally()).add_row(row)
        if row["kind"] == "step":
            self._requests[row["worker"]] += row["count"] or 0
        elif row["kind"] == "scenario":
            self._started[row["worker"], row["scenario"]] += row["iterations_started"] or 0

    def _keep(self, row: Row) -> None:
        """Keep a row of the last seconds."""
        self._recent.setdefault(row["second"], []).append(row)
        self._recent_tallies.pop(row["second"], None)

    def _forget(self) -> None:
        """Drop what was kept of seconds that are not the last any more."""
        for kept in (self._recent, self._recent_tallies, self._phase_of):
            for old in [each for each in kept if each < self.last_second - RECENT_S]:
                del kept[old]

    def _tally_of(self, second: int) -> Tally:
        """One of the last seconds, added up once."""
        tally = self._recent_tallies.get(second)
        if tally is None:
            tally = Tally()
            for row in self._recent.get(second, ()):
                tally.add_row(row)
            if second in self._recent:
                self._recent_tallies[second] = tally
        return tally

    def _add_machine(self, second: int, rows: Iterable[Row], number: int) -> None:
        for row in rows:
            if row["kind"] == "target":
                self.target.add_target(row)
                continue
            if row["kind"] == ORDER:
                self.orders.append(Order(row["scenario"], row["ended_ns"], Change.parse(row["name"])))
                continue
            node = self._nodes[number] if number < len(self._nodes) else None
            whole = (self.machine if node is None else node.machine).add_row(row)
            if whole is None or row["phase"] != STEADY:
                continue
            if node is None:
                self.health.see_machine(_machine_second(second, whole, self._cores, self._usable_cores))
            else:
                node.health.see_machine(_machine_second(second, whole, int(node.cores), node.cores))

    def _add_worker(self, row: Row) -> None:
        worker = self.workers.setdefault(row["worker"], WorkerTotals(row["worker"]))
        worker.add_row(row)
        if row["phase"] == STEADY:
            node = self._node_of.get(row["worker"])
            health = self.health if node is None else self._nodes[node].health
            second = _worker_second(row, worker.second)
            health.see(second)
            self.python.see(second)

    def _count_users(self, second: int, worker: int, rows: Iterable[Row]) -> None:
        active: dict[str, int] = {}
        for row in rows:
            if row["kind"] == "scenario" and row["users_active"] is not None:
                active[row["scenario"]] = max(active.get(row["scenario"], 0), row["users_active"])
        for scenario, users in active.items():
            self._users[scenario, worker] = users
            # Workers report one after another: only what they had in the same second adds up.
            together = self._users_in.get((scenario, second), 0) + users
            self._users_in[scenario, second] = together
            self.users_peak[scenario] = max(self.users_peak.get(scenario, 0), together)
        for key in [key for key in self._users_in if key[1] < self.last_second - 2 * RECENT_S]:
            del self._users_in[key]

    def _note_asked(self, second: int, row: Row) -> None:
        if row["kind"] == "scenario" and row["ended_ns"] is not None:
            self._last_iterations[row["scenario"], row["worker"]] = row["ended_ns"]
        if row["phase"] != STEADY:
            return
        asked = row["asked"] if row["kind"] == "step" and row["section"] == MAIN else row["iterations_dropped"]
        if asked:
            self.asked.setdefault(row["scenario"], Counter())[second] += asked

    def _note_quickest(self, rows: Iterable[Row]) -> None:
        responses: dict[str, Histogram] = {}
        for row in rows:
            if row["kind"] == "step" and row["section"] == MAIN and row["response"] is not None:
                responses.setdefault(row["scenario"], Histogram()).add_encoded(row["response"])
        for scenario, histogram in responses.items():
            self.quickest.setdefault(scenario, Quickest()).add(histogram)

    def _note_errors(self, row: Row) -> None:
        if row["kind"] != "step":
            return
        where = (row["scenario"], row["section"], row["name"], row["phase"])
        for entry in row["outcomes"] or ():
            if entry["name"] not in NO_ERRORS:
                self._note((*where, entry["name"], 0), entry["count"], row["second"], row["second"])
        for entry in row["error_statuses"] or ():
            self._note((*where, "", entry["status"]), entry["count"], row["second"], row["second"])

    def _note(self, key: ErrorKey, count: int, first_s: int, last_s: int) -> None:
        span = self.errors.get(key)
        if span is None:
            self.errors[key] = ErrorSpan(count, first_s, last_s)
            return
        span.count += count
        span.first_s, span.last_s = min(span.first_s, first_s), max(span.last_s, last_s)


def _worker_second(row: Row, engine: EngineSecond) -> WorkerSecond:
    return WorkerSecond(
        second=row["second"],
        worker=row["worker"],
        cpu_ratio=engine.cpu_ratio,
        core_wait_ratio=engine.core_wait_ratio,
        python_ratio=engine.beside_ratio,
        open_fds=row["open_fds"],
        fd_limit=row["fd_limit"],
        pressure=row["psi_some_avg10"],
        steal=row["steal_ratio"],
    )


def _machine_second(second: int, row: Row, cores: int, usable_cores: float | None) -> MachineSecond:
    wall_ns = row["wall_ns"]
    return MachineSecond(
        second,
        wall_s=wall_ns / 1e9,
        foreign_cores=row["foreign_cpu_ns"] / wall_ns,
        cores=cores,
        client_cores=row["client_cpu_ns"] / wall_ns,
        usable_cores=usable_cores,
        stopped_s=row["throttled_ns"] / 1e9,
    )


def _mean(times_ns: list[int]) -> int | None:
    return sum(times_ns) // len(times_ns) if times_ns else None

"""A run moment by moment, from its windows: what pages draw.

A moment is a second, or more of a long run, so that there are never more than `MOST`. The windows are read once, a
moment at a time, and never the rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from loadcore.engine import Histogram
from loadcore.judge.thresholds.evaluation import evaluate
from loadcore.results.open.heat import heat_of
from loadcore.results.reader import stream
from loadcore.results.schema import MACHINE, ORDER, STEADY
from loadcore.results.sum.measured import MeasuredStretch
from loadcore.results.sum.tally import MAIN, Row, StepKey, StepTotals, Tally
from loadcore.results.sum.window_folding import fold, gathered
from loadcore.results.write.plain_arrays import number, texts
from loadcore.wording.outcomes import ANSWERED, NO_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loadcore.judge.thresholds.rule import Rule
    from loadcore.results.run_facts import RunStart
    from loadcore.results.run_folder import RunFolder

MOST: Final = 600
"""Moments of a timeline."""
_WIDTHS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
_LATE_S: Final = 40
"""How far the windows of one worker may be behind those of another: one that is silent for longer is ended."""
_SCRAP: Final = 0.5
"""An end shorter than this share of a moment counts with the moment before: its rates would be of a few requests."""
_NS: Final = 1_000_000_000

COLUMNS: Final = (
    *("second", "worker", "phase", "kind", "scenario", "name", "section", "method", "step", "count", "errors", "hops"),
    *("repeats", "not_sent", "asked", "started", "answered", "failed", "outcomes", "statuses", "error_statuses"),
    *("service", "response", "ttfb", "delay_added", "delay_taken", "connect", "service_sum_ns", "response_sum_ns"),
    *("bytes_sent", "bytes_received", "attempts", "connections", "surplus_bytes", "interim", "iterations_due"),
    *("iterations_started", "iterations_completed", "iterations_failed", "iterations_dropped"),
    *("iterations_interrupted", "users_lost", "idle_steps", "users_active", "lag", "cpu_ns", "wall_ns"),
    *("in_flight_ns", "open_fds", "foreign_cpu_ns", "client_cpu_ns", "target_cpu_ns"),
)
"""What is read of the windows."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Percentiles of a moment, in nanoseconds."""

    p50_ns: int
    p95_ns: int
    p99_ns: int
    max_ns: int

    @classmethod
    def of(cls, histogram: Histogram) -> Quantiles | None:
        """Those of a histogram; None if it is empty."""
        if not histogram.count:
            return None
        p50, p95, p99 = (histogram.quantile(each) for each in (0.5, 0.95, 0.99))
        return cls(p50, p95, p99, histogram.max_ns)


@dataclass(slots=True)
class Moment:
    """What happened in a moment. Requests are those of iterations, without users' starts and token calls.

    Attributes:
        from_s: Where it begins, in seconds since the run's start.
        seconds: How long it is.
        phase: The phase that most of its seconds began in; empty if that is not known.
        asked: Requests due, with arrivals that found no free user.
        ended: Requests that ended, by how: `ok`, `http_503`, `timeout`, …
        done: Requests that ended, with or without a response.
        answered: Requests that ended with a response.
        dropped: Arrivals that found no free user.
        response: From due to the last byte.
        service: From sent to the last byte.
        ttfb_p95_ns: From sent to the first byte.
        connect_p95_ns: To open a connection.
        heat: Response times, by bucket.
        steps: The p95 of response times by step.
        connections: Connections opened.
        users: Users that ran.
        in_flight: Requests under way, on average; None if that is not known.
        lag_p99_ns: How late requests were sent.
        lag_max_ns: The latest of them.
        cpu: CPU of the busiest engine thread, of one core.
        foreign_cores: Cores that other programs used.
        target_cores: Cores that the target used, where it can be seen.
        open_fds: Descriptors that the workers held.
        of_scenarios: By scenario what was asked and what ended in the steady phase.
        measured: By threshold what was measured, in the warm-up as well; None where there was nothing to judge.
    """

    from_s: float
    seconds: float
    phase: str = ""
    asked: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    done: int = 0
    answered: int = 0
    dropped: int = 0
    response: Quantiles | None = None
    service: Quantiles | None = None
    ttfb_p95_ns: int | None = None
    connect_p95_ns: int | None = None
    heat: Mapping[int, int] = field(default_factory=dict)
    steps: Mapping[StepKey, int] = field(default_factory=dict)
    connections: int = 0
    users: int = 0
    in_flight: float | None = None
    lag_p99_ns: int | None = None
    lag_max_ns: int | None = None
    cpu: float | None = None
    foreign_cores: float | None = None
    target_cores: float | None = None
    open_fds: int | None = None
    of_scenarios: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    measured: dict[str, float | None] = field(default_factory=dict)

    @property
    def to_s(self) -> float:
        """Where it ends."""
        return self.from_s + self.seconds


@dataclass(frozen=True)
class Timeline:
    """A run moment by moment, and the response times of its steady phase."""

    moments: tuple[Moment, ...]
    """Without a gap; empty if the folder has no readable windows."""
    response: Histogram
    service: Histogram


def width_of(duration_s: float) -> int:
    """How many seconds a moment of such a run has."""
    return next((width for width in _WIDTHS if duration_s <= width * MOST), _WIDTHS[-1])


def read_timeline(
    folder: RunFolder, duration_s: float, start: RunStart | None = None, rules: Sequence[Rule] = ()
) -> Timeline:
    """The timeline of a run.

    Args:
        folder: Of the run.
        duration_s: How long it lasted.
        start: What was started; without it thresholds are not measured.
        rules: What it was judged by.
    """
    reader = TimelineReader(width_of(duration_s), start, rules)
    for path in folder.all_windows():
        for batch in gathered(stream(path, COLUMNS)):
            reader.add(batch, duration_s)
    return reader.timeline(duration_s)


class TimelineReader:
    """Makes moments of windows as they come.

    Args:
        width: Seconds of a moment.
        start: What was started; without it thresholds are not measured.
        rules: What the run is judged by.
    """

    def __init__(self, width: int, start: RunStart | None = None, rules: Sequence[Rule] = ()) -> None:
        self.width = width
        self._start = start
        self._rules = rules
        self._rows: dict[int, list[Row]] = {}
        """Of moments that more may come of."""
        self._stale: set[int] = set()
        self._moments: dict[int, Moment] = {}
        self._response = Histogram()
        self._service = Histogram()

    def add(self, batch: pa.RecordBatch, duration_s: float) -> None:
        """Take windows of a run that lasts for this long, or has lasted until now.

        Args:
            batch: With the columns of `COLUMNS`, or what a file of an earlier version has of them.
            duration_s: How long.
        """
        last = self._last_of(duration_s)
        nothing: Row = dict.fromkeys(set(COLUMNS) - set(batch.schema.names))
        for folded in fold(batch, self._spans(batch)):
            row = nothing | folded
            if row["kind"] == ORDER:
                continue  # The summary tells of it.
            place = min(last, row["second"] // self.width)
            if place in self._moments and place not in self._rows:
                continue  # Its worker was silent for so long that it counts as lost.
            self._rows.setdefault(place, []).append(row)
            self._stale.add(place)
        newest = max(self._rows, default=0)
        for place in [each for each in self._rows if each < newest - 1 - _LATE_S // self.width]:
            self._settle(place, duration_s)

    def timeline(
        self, duration_s: float, response: Histogram | None = None, service: Histogram | None = None
    ) -> Timeline:
        """All that there is of a run that lasts for this long, or has lasted until now.

        Args:
            duration_s: How long.
            response: The response times of the steady phase; those of the moments that no more comes of if not given,
                which at the end of a run are all.
            service: The same of its service times.
        """
        if response is None or service is None:
            for place in sorted(self._rows):
                self._settle(place, duration_s)
        for place in self._stale:
            rows = self._rows[place]
            self._moments[place] = self._moment(place, rows, _requests_of(rows), duration_s)
        self._stale.clear()
        places = range(max(self._moments, default=-1) + 1)
        moments = [self._moments.get(place) or Moment(*self._span(place, duration_s)) for place in places]
        return Timeline(tuple(moments), response or self._response, service or self._service)

    def _spans(self, batch: pa.RecordBatch) -> pa.Array:
        """Where each row belongs: the moment's first second. How many users ran at once is asked second by second."""
        seconds, width = batch.column("second").cast(pa.int64()), number(self.width)
        begins = pc.multiply(pc.divide(seconds, width), width)
        return pc.if_else(pc.equal(batch.column("kind"), texts(["scenario"])[0]), seconds, begins)

    def _settle(self, place: int, duration_s: float) -> None:
        """No more comes of a moment."""
        rows = self._rows.pop(place)
        made = _requests_of(rows)
        self._moments[place] = self._moment(place, rows, made, duration_s)
        self._stale.discard(place)
        steady = [row for row in rows if row["phase"] == STEADY]
        main = (made if len(steady) == len(rows) else _requests_of(steady)).main
        self._response.add(main.response)
        self._service.add(main.service)

    def _last_of(self, duration_s: float) -> int:
        """The place of the last moment: a scrap at the end counts with the one before."""
        whole, rest = divmod(duration_s, self.width)
        return max(0, int(whole) - (1 if whole and rest < self.width * _SCRAP else 0))

    def _span(self, place: int, duration_s: float) -> tuple[float, float]:
        """Where a moment begins, and how long it is."""
        from_s = float(place * self.width)
        is_whole = place < self._last_of(duration_s)
        return from_s, float(self.width) if is_whole else max(duration_s - from_s, 1e-3)

    def _moment(self, place: int, rows: Sequence[Row], made: _Requests, duration_s: float) -> Moment:
        """What the rows of a moment come to."""
        moment = Moment(*self._span(place, duration_s))
        _add_requests(moment, made.main)
        moment.connections = sum(row["connections"] or 0 for row in rows if row["kind"] == "step")
        moment.steps = {key: times.quantile(0.95) for key, times in made.response.items()}
        _add_scenarios(moment, rows)
        _add_client(moment, rows)
        if self._start is not None:
            # A ramp-up may be the warm-up: where it broke is asked of that as well.
            judged = [row for row in rows if row["phase"] != "ramp_down"]
            known = (made if len(judged) == len(rows) else _requests_of(judged)).main
            scoped = any(rule.step is not None or rule.scenario is not None for rule in self._rules)
            tally = _tally_of(judged, steps=scoped)
            stretch = MeasuredStretch(tally, tally, self._start, moment.seconds, known if known.requests else None)
            moment.measured = {rule.expression: evaluate(rule, stretch).value for rule in self._rules}
        return moment


def _is_main(row: Row) -> bool:
    return (row["kind"], row["section"]) == ("step", MAIN)


@dataclass(frozen=True, slots=True)
class _Requests:
    """Requests of a moment.

    Attributes:
        main: Those of iterations together, without their percentiles less lag.
        response: The response times of each step, of all sections.
    """

    main: StepTotals
    response: Mapping[StepKey, Histogram]


def _requests_of(rows: Iterable[Row]) -> _Requests:
    """What the requests of some rows come to. Each histogram is decoded once."""
    main = StepTotals("", "all", "", MAIN)
    response: dict[StepKey, Histogram] = {}
    for row in rows:
        if row["kind"] != "step":
            continue
        if row["response"] is not None:
            key = row["scenario"], row["section"], row["name"]
            times = response.get(key)
            if times is None:
                times = response[key] = Histogram()
            times.add_encoded(row["response"])
        if row["section"] == MAIN:
            main.add_counts(row)
            for name in ("service", "ttfb"):
                if row[name] is not None:
                    getattr(main, name).add_encoded(row[name])
    for (_, section, _), times in response.items():
        if section == MAIN:
            main.response.add(times)
    return _Requests(main, response)


def _tally_of(rows: Iterable[Row], *, steps: bool) -> Tally:
    """What thresholds need of the rows besides all steps together."""
    tally = Tally()
    for row in rows:
        if row["kind"] in {"scenario", "check"} or (steps and row["kind"] == "step"):
            tally.add_row(row)
    return tally


def _add_requests(moment: Moment, main: StepTotals) -> None:
    moment.asked, moment.done, moment.answered = main.asked, main.answered + main.failed, main.answered
    moment.ended = ended_by_kind(main)
    moment.response, moment.service = Quantiles.of(main.response), Quantiles.of(main.service)
    moment.ttfb_p95_ns = main.ttfb.quantile(0.95) if main.ttfb.count else None
    moment.heat = heat_of(main.response)


def ended_by_kind(step: StepTotals) -> Counter[str]:
    """Requests by how they ended: `ok` as expected, `http_` and the status of an error, or the outcome."""
    kinds = Counter({f"http_{status}": count for status, count in step.error_statuses.items()})
    kinds["ok"] = sum(step.outcomes[each] for each in ANSWERED) - kinds.total()
    kinds.update({name: count for name, count in step.outcomes.items() if name not in NO_ERRORS})
    return +kinds


def _add_scenarios(moment: Moment, rows: Iterable[Row]) -> None:
    users: Counter[int] = Counter()
    begun: Counter[str] = Counter()
    of_scenarios: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        if row["kind"] == "scenario":
            dropped = row["iterations_dropped"] or 0
            users[row["second"]] += row["users_active"] or 0
            moment.dropped += dropped
            if row["phase"] == STEADY:
                of_scenarios[row["scenario"]][0] += dropped
        elif _is_main(row) and row["phase"] == STEADY:
            of_scenarios[row["scenario"]][0] += row["asked"] or 0
            of_scenarios[row["scenario"]][1] += (row["answered"] or 0) + (row["failed"] or 0)
        elif row["kind"] in {"worker", "target"}:
            begun[row["phase"]] += row["windows"]
    moment.asked += moment.dropped
    moment.users = max(users.values(), default=0)
    moment.of_scenarios = {name: (asked, done) for name, (asked, done) in of_scenarios.items()}
    phases = begun or Counter(row["phase"] for row in rows)
    moment.phase = max(phases, key=lambda phase: phases[phase], default="")


def _add_client(moment: Moment, rows: Iterable[Row]) -> None:
    lag, connect = Histogram(), Histogram()
    used: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    files: dict[int, int] = {}
    sums: Counter[str] = Counter()
    for row in rows:
        if row["connect"] is not None:
            connect.add_encoded(row["connect"])
        if row["kind"] not in {"worker", "target"}:
            continue
        kind = row["kind"] if row["worker"] == MACHINE else "engine"
        sums[f"{kind}_wall"] += row["wall_ns"] or 0
        if kind == "engine":
            used[row["worker"]][0] += row["cpu_ns"] or 0
            used[row["worker"]][1] += row["wall_ns"] or 0
            files[row["worker"]] = max(files.get(row["worker"], 0), row["open_fds"] or 0)
            if row["lag"] is not None:
                lag.add_encoded(row["lag"])
        for name in ("in_flight_ns", "foreign_cpu_ns", "target_cpu_ns"):
            sums[name] += row[name] or 0
    moment.connect_p95_ns = connect.quantile(0.95) if connect.count else None
    moment.lag_p99_ns, moment.lag_max_ns = (lag.quantile(0.99), lag.max_ns) if lag.count else (None, None)
    moment.cpu = max((cpu / wall for cpu, wall in used.values() if wall), default=None)
    moment.open_fds = sum(files.values()) or None
    moment.in_flight = max(0, sums["in_flight_ns"]) / (moment.seconds * _NS) if sums["engine_wall"] else None
    moment.foreign_cores = sums["foreign_cpu_ns"] / sums["worker_wall"] if sums["worker_wall"] else None
    moment.target_cores = sums["target_cpu_ns"] / sums["target_wall"] if sums["target_cpu_ns"] else None

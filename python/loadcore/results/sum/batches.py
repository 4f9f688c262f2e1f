"""Counts of short stretches of a run, from its windows or its rows: what the intervals of percentiles are made of.

What is counted is how many requests took longer than a percentile, which is known only at the end. So the files of the
run are read once more: `windows.arrow`, which has every second, or, where there are fewer than `LEAST_SECONDS` of them,
the rows, for tenths of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from loadcore.engine import Histogram
from loadcore.judge.interval import LEAST_BATCHES, SHORT_ALIKE, Spread, spread_of
from loadcore.judge.thresholds.grammar import parse
from loadcore.results.reader import DAMAGE, stream
from loadcore.results.schema import STEADY
from loadcore.results.sum.medians import Medians
from loadcore.results.sum.tally import MAIN, StepTotals, Tally
from loadcore.results.sum.window_folding import fold, gathered, groups_of
from loadcore.results.write.plain_arrays import is_word, number, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loadcore.engine import StepInfo
    from loadcore.results.run_facts import RunStart
    from loadcore.results.run_folder import RunFolder

QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
"""The percentiles of a summary by their names."""
LEAST_SECONDS: Final = LEAST_BATCHES + 2
"""Runs shorter than this are cut into tenths of seconds; the first and the last second may hold few requests."""
TOO_SHORT: Final = (
    "the run is too short for intervals: they need responses in at least ten different tenths of a second"
)
MISSING: Final = "the run's files lack the data for intervals"

_MOST: Final = 1_024
"""Batches of a series. Longer runs have longer batches."""
_TENTH_NS: Final = 100_000_000
_ENOUGH: Final = 0.99
"""Rows or windows that may be missing: the share that has to be there."""
_WINDOW_COLUMNS: Final = ("second", "phase", "kind", "scenario", "name", "section", "service", "response", "ttfb")
_ROW_COLUMNS: Final = (
    "offset_ns",
    "service_ns",
    "response_ns",
    "ttfb_ns",
    "scenario",
    "step",
    "phase",
    "outcome",
    "attempts",
)


class Key(NamedTuple):
    """Which distribution: of a step's (or group's) service time, response time or time to the first byte."""

    scenario: str
    section: str
    name: str
    time: str


class Scope(NamedTuple):
    """What a threshold is about: a time of all steps, or of those of a scenario or of a name."""

    scenario: str | None
    step: str | None
    time: str

    def covers(self, step: StepTotals) -> bool:
        """Whether it is about a step. What stands apart from iterations has to be named."""
        return (
            self.scenario in {None, step.scenario}
            and self.step in {None, step.name}
            and (step.section == MAIN or self.step is not None)
        )


class Series:
    """The batches of one distribution. Few, however long the run is.

    Args:
        histogram: The whole distribution.
        quantiles: Those whose intervals are wanted, ascending.
    """

    def __init__(self, histogram: Histogram, quantiles: Iterable[float] = QUANTILES.values()) -> None:
        self.histogram = histogram
        self.quantiles = list(quantiles)
        self.limits = [histogram.quantile(quantile) for quantile in self.quantiles]
        self._batches: list[list[int]] = []
        self._width = 1

    def add(self, index: int, counts: Sequence[int]) -> None:
        """Add to the batch of a second or tenth: how many requests, and how many above each limit."""
        while index // self._width >= _MOST:
            self._width *= 2
            pairs = zip(self._batches[::2], [*self._batches[1::2], self._none()], strict=False)
            self._batches = [[one + other for one, other in zip(*pair, strict=True)] for pair in pairs]
        place = index // self._width
        while len(self._batches) <= place:
            self._batches.append(self._none())
        self._batches[place] = [one + other for one, other in zip(self._batches[place], counts, strict=True)]

    def spreads(self, least_alike: float) -> list[Spread] | str:
        """How much the batches differ at each limit, their neighbours at least so alike; or why that is unknown."""
        used = [place for place, batch in enumerate(self._batches) if batch[0]]
        batches = self._batches[used[0] : used[-1] + 1] if used else []
        requests = [batch[0] for batch in batches]
        if sum(requests) < _ENOUGH * self.histogram.count:
            return MISSING
        found: list[Spread] = []
        for place in range(1, len(self.limits) + 1):
            above = [batch[place] for batch in batches]
            # Above the greatest there is nothing to tell from: as much as at the percentile below.
            spread = found[-1] if found and not any(above) else spread_of(requests, above, least_alike)
            if spread is None:
                return TOO_SHORT
            found.append(spread)
        return found

    def _none(self) -> list[int]:
        return [0] * (1 + len(self.limits))


class Batches:
    """Every distribution of a summary, cut into batches.

    Args:
        start: What was started.
        steady: The measured part.
        whole: The whole run, for what stands apart: the start of users and token calls.
    """

    def __init__(self, start: RunStart, steady: Tally, whole: Tally) -> None:
        self.medians = Medians()
        self._series: dict[Key, Series] = {}
        self._asked: dict[Scope, Series] = {}
        self._also: dict[Key, list[Series]] = {}
        self._least_alike = 0.0
        steps: list[StepInfo | StepTotals] = [*start.description.steps, *whole.steps.values()]
        self._sections = {(step.scenario, step.name): step.section for step in steps}
        for step in (*_of(steady, main=True), *_of(whole, main=False)):
            self._expect(step.scenario, step.section, step)
        self._expect("", MAIN, steady.all_steps())
        for group in steady.groups.values():
            self._series[Key(group.scenario, "group", group.name, "response")] = Series(group.duration)
        self._ask(start, [*_of(steady, main=True), *_of(whole, main=False)])

    def read(self, folder: RunFolder, seconds: float) -> Batches:
        """Count what a run's files hold.

        Args:
            folder: Of the run.
            seconds: How long the measured part is.
        """
        try:
            self._read(folder, seconds)
        except DAMAGE:
            # Nothing is better than intervals of what is left.
            self._series.clear()
            self._asked.clear()
        return self

    def _read(self, folder: RunFolder, seconds: float) -> None:
        if seconds >= LEAST_SECONDS:
            width = 1
            while seconds / width > _MOST:
                width *= 2
            for path in folder.all_windows():
                for batch in gathered(stream(path, _WINDOW_COLUMNS)):
                    self._add_windows(batch, width)
        else:
            self._least_alike = SHORT_ALIKE
            for path in folder.all_requests():
                for batch in stream(path, _ROW_COLUMNS):
                    self._add_rows(batch)

    def spreads(self, key: Key) -> list[Spread] | str:
        """How much batches differ at each percentile; or why that is unknown."""
        return self._series[key].spreads(self._least_alike) if key in self._series else MISSING

    def asked(self, scope: Scope, quantile: float) -> tuple[Histogram, Spread] | None:
        """What a threshold on a percentile is about, and how much its batches differ; None if that is unknown."""
        series = self._asked.get(scope)
        found = MISSING if series is None else series.spreads(self._least_alike)
        if series is None or isinstance(found, str):
            return None
        return series.histogram, found[series.quantiles.index(quantile)]

    def _ask(self, start: RunStart, steps: Sequence[StepTotals]) -> None:
        """Expect what thresholds on percentiles are about."""
        wanted: dict[Scope, set[float]] = {}
        for entry in start.thresholds:
            metric = parse(entry["expression"]).metric
            if metric.time is not None and metric.quantile is not None:
                scope = Scope(entry["scenario"], entry["step"], metric.time)
                wanted.setdefault(scope, set()).add(metric.quantile)
        for scope, quantiles in wanted.items():
            members = [step for step in steps if scope.covers(step)]
            histogram = Histogram()
            for step in members:
                histogram.add(getattr(step, scope.time))
            if histogram.count:
                series = self._asked[scope] = Series(histogram, sorted(quantiles))
                for step in members:
                    key = Key(step.scenario, step.section, step.name, scope.time)
                    self._also.setdefault(key, []).append(series)

    def _expect(self, scenario: str, section: str, step: StepTotals) -> None:
        for time in ("service", "response", "ttfb"):
            histogram: Histogram = getattr(step, time)
            if histogram.count:
                self._series[Key(scenario, section, step.name, time)] = Series(histogram)

    def _add_windows(self, batch: pa.RecordBatch, width: int) -> None:
        """Count windows, some seconds together where the batches of a series are as long or longer."""
        batch = batch.filter(pc.or_(_is(batch, "kind", "step"), _is(batch, "kind", "group")))
        # Groups have no section: neither true nor false.
        apart = pc.and_kleene(_is(batch, "kind", "step"), pc.invert(_is(batch, "section", MAIN)))
        batch = batch.filter(pc.or_kleene(apart, _is(batch, "phase", STEADY)))
        self._add_medians(batch.filter(_is(batch, "section", MAIN)))
        seconds = batch.column("second").cast(pa.int64())
        for row in fold(batch, pc.multiply(pc.divide(seconds, number(width)), number(width))):
            section = row["section"] if row["kind"] == "step" else row["kind"]
            for time in ("service", "response", "ttfb"):
                if row[time] is not None:
                    self._add_window(row["second"], Key(row["scenario"], section, row["name"], time), row[time])

    def _add_medians(self, batch: pa.RecordBatch) -> None:
        places = groups_of([batch.column("second")]).to_pylist()
        seconds = list(dict.fromkeys(batch.column("second").to_pylist()))
        merged = Histogram.merge_encoded(batch.column("response").to_pylist(), places, len(seconds))
        for second, encoded in zip(seconds, merged, strict=True):
            self.medians.add(second, encoded)

    def _add_window(self, second: int, key: Key, encoded: bytes) -> None:
        series = self._meant(key)
        limits = [limit for each in series for limit in each.limits]
        if not limits:
            return
        count, above = Histogram.count_above(encoded, limits)
        for each in series:
            each.add(second, [count, *above[: len(each.limits)]])
            del above[: len(each.limits)]

    def _meant(self, key: Key) -> list[Series]:
        """The series that a key counts in: its own, that of all steps, and those of thresholds."""
        keys = [key, Key("", MAIN, "all", key.time)] if key.section == MAIN else [key]
        return [*(self._series[each] for each in keys if each in self._series), *self._also.get(key, ())]

    def _add_rows(self, batch: pa.RecordBatch) -> None:
        """Count rows in the tenths of seconds in which they ended."""
        sent = pc.greater(batch.column("attempts"), number(0))
        kept = pc.and_(sent, pc.invert(is_word(batch.column("outcome"), "interrupted")))
        batch = batch.filter(kept)
        for (scenario, name), section in self._sections.items():
            mask = pc.and_(is_word(batch.column("scenario"), scenario), is_word(batch.column("step"), name))
            if section == MAIN:
                mask = pc.and_(mask, is_word(batch.column("phase"), "steady"))
            rows = batch.filter(mask)
            if rows.num_rows:
                for time in ("service", "response", "ttfb"):
                    self._add_times(rows, Key(scenario, section, name, time))

    def _add_times(self, rows: pa.RecordBatch, key: Key) -> None:
        ended_ns = pc.add(rows.column("offset_ns"), rows.column("response_ns"))
        tenths = pc.divide(ended_ns, number(_TENTH_NS))
        times = rows.column(f"{key.time}_ns")
        known = pc.is_valid(times)
        tenths, times = tenths.filter(known), times.filter(known)
        for series in self._meant(key):
            counts = {tenth: [count] for tenth, count in _counted(tenths)}
            for limit in series.limits:
                # A histogram rounds to microseconds.
                longer = pc.greater_equal(times, number(limit + 500))
                above = dict(_counted(tenths.filter(longer)))
                for tenth, sums in counts.items():
                    sums.append(above.get(tenth, 0))
            for tenth, sums in counts.items():
                series.add(tenth, sums)


def _is(batch: pa.RecordBatch, column: str, word: str) -> pa.Array:
    """Where a column of words has this one."""
    return pc.equal(batch.column(column), texts([word])[0])


def _of(tally: Tally, *, main: bool) -> list[StepTotals]:
    return [step for step in tally.steps.values() if (step.section == MAIN) == main]


def _counted(values: pa.Array) -> list[tuple[int, int]]:
    return [(entry["values"], entry["counts"]) for entry in pc.value_counts(values).to_pylist()]

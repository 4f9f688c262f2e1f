"""A run as its page tells it: the summary, the timeline, and when its thresholds were crossed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from loadcore.engine import Histogram
from loadcore.errors import ResultsError
from loadcore.judge.crossing import Crossing, behind, crossing, first_break
from loadcore.judge.thresholds.evaluation import holds
from loadcore.results.open.opening import read_start
from loadcore.results.open.timeline import Timeline, read_timeline
from loadcore.results.reader import DAMAGE
from loadcore.results.run_folder import RunFolder
from loadcore.results.schema import STEADY
from loadcore.results.sum.thresholds import rules_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.judge.thresholds.rule import Rule
    from loadcore.results.open.run import Run
    from loadcore.results.open.timeline import Moment
    from loadcore.results.run_facts import RunStart


@dataclass(frozen=True)
class History:
    """What a page is made of.

    Attributes:
        summary: The content of `summary.json`.
        timeline: The run moment by moment.
        start: What was started; None if that cannot be read.
        missing: One sentence for everything that is not there though it should be.
    """

    summary: Mapping[str, Any]
    timeline: Timeline
    start: RunStart | None = None
    missing: Sequence[str] = ()

    @classmethod
    def of(cls, run: Run) -> History:
        """Read the windows of a run."""
        folder = RunFolder(run.path)
        duration_s = run.summary["duration_s"]
        missing = list(run.missing)
        start: RunStart | None = None
        try:
            start = read_start(folder)
            timeline = read_timeline(folder, duration_s, start, rules_of(start))
        except (ResultsError, ArithmeticError, *DAMAGE) as problem:
            missing.append(f"{folder.start.name} cannot be read: the seconds of crossings are missing ({problem})")
            start = None
            timeline = _without_start(folder, duration_s, missing)
        return cls(run.summary, timeline, start, missing)

    @property
    def moments(self) -> Sequence[Moment]:
        """The moments of the timeline."""
        return self.timeline.moments

    @cached_property
    def spans(self) -> list[tuple[float, float]]:
        """From where to where each moment goes."""
        return [(each.from_s, each.to_s) for each in self.moments]

    @property
    def width_s(self) -> int:
        """How many seconds a moment has: more than one where the run is long."""
        return round(self.moments[1].from_s - self.moments[0].from_s) if len(self.moments) > 1 else 1

    @property
    def span_words(self) -> str:
        """A moment in words: `second`, or `stretch of 10 s`."""
        return "second" if self.width_s == 1 else f"stretch of {self.width_s} s"

    @cached_property
    def crossings(self) -> dict[str, Crossing]:
        """By threshold when it was crossed; those that never were are left out."""
        rules = rules_of(self.start) if self.start is not None else []
        judged = [each.phase == STEADY for each in self.moments]
        found = {rule.expression: crossing(rule.expression, self.spans, self._crossed(rule), judged) for rule in rules}
        return {expression: each for expression, each in found.items() if each is not None}

    @cached_property
    def broke(self) -> Crossing | None:
        """The crossing by which the run broke; None if it did not."""
        failed = [each["expression"] for each in self.summary["thresholds"] if each["state"] == "fail"]
        return first_break(self.crossings, failed)

    @cached_property
    def last_healthy(self) -> Moment | None:
        """The last moment before the run broke in which requests ended."""
        if self.broke is None:
            return None
        from_s = self.broke.stretches[0].from_s
        before = [each for each in self.moments if each.to_s <= from_s and each.answered]
        return before[-1] if before else None

    @cached_property
    def kinds(self) -> list[str]:
        """How requests ended other than as expected, the most frequent first."""
        counts: Counter[str] = Counter()
        for moment in self.moments:
            counts.update(moment.ended)
        return [kind for kind, _ in counts.most_common() if kind != "ok"]

    def _crossed(self, rule: Rule) -> list[bool | None]:
        """Whether a threshold was crossed in each moment. Counts grow with the run."""
        if rule.metric.name == "answered":
            return self._behind(rule)
        values = [each.measured.get(rule.expression) for each in self.moments]
        if rule.metric.unit != "count":
            return [None if value is None else not holds(rule, value) for value in values]
        if rule.operator not in {"<", "<=", "=="}:
            return [None] * len(values)  # A number that must be reached is not reached before it is.
        so_far, crossed = 0.0, []
        for value in values:
            so_far += value or 0
            crossed.append(not holds(rule, so_far) if value is not None or so_far else None)
        return crossed

    def _behind(self, rule: Rule) -> list[bool | None]:
        names = {each["name"] for each in self.summary["load"]["scenarios"] if each["model"] == "open"}
        names &= names if rule.scenario is None else {rule.scenario}
        crossed: list[bool | None] = [None] * len(self.moments)
        for name in names:
            asked = [each.of_scenarios.get(name, (0, 0))[0] for each in self.moments]
            done = [each.of_scenarios.get(name, (0, 0))[1] for each in self.moments]
            late = behind(self.spans, asked, done, self._quick_s)
            if any(asked):
                crossed = [bool(one) or other for one, other in zip(crossed, late, strict=True)]
        return crossed

    @cached_property
    def _quick_s(self) -> float:
        """How long the target takes at its best: the least p99 of a moment."""
        times = [each.response.p99_ns for each in self.moments if each.response is not None]
        return min(times, default=0) / 1e9


def _without_start(folder: RunFolder, duration_s: float, missing: list[str]) -> Timeline:
    """The timeline of a folder of which it is not known what was started in it; empty if the windows are damaged."""
    try:
        return read_timeline(folder, duration_s)
    except (ArithmeticError, *DAMAGE) as problem:
        missing.append(f"{folder.windows_segment(0).name} cannot be read: charts are missing ({problem})")
        return Timeline((), Histogram(), Histogram())

"""The comparison of two sets of runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import product
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from loadcore.comparison.metrics import METRICS, SHOWN, interval, value
from loadcore.errors import ExitCode, ResultsError
from loadcore.judge.comparing.change import LEAST_RUNS, Change, Metric, Word, described, judged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loadcore.comparison.sides import Compared, Side

SCHEMA_VERSION: Final = 1
_OF_STEPS: Final = ("response.p50", "response.p99")
_MOST_DIFFERENCES: Final = 4
Ends = tuple[float | None, float | None] | None
"""Of an interval; None where there is none."""

_UNLIKE: Final = frozenset({"seed", "base_url"})
"""Keys of a plan that runs of the same plan may differ in."""


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step of a scenario before and after; shown, not judged."""

    scenario: str
    step: str
    change: Change


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two sets of runs come to.

    Attributes:
        before: One side.
        after: The other.
        judged: The metrics that decide.
        shown: Others.
        steps: Those of single steps.
        own: Of one run on each side, the intervals of its own requests, by metric. They do not test anything.
        missing: Metrics that should decide, and that no run of one side has a value of.
    """

    before: Side
    after: Side
    judged: Sequence[Change]
    shown: Sequence[Change] = ()
    steps: Sequence[StepChange] = ()
    own: Mapping[str, tuple[Ends, Ends]] = field(default_factory=dict)
    missing: Sequence[Metric] = ()

    @property
    def is_possible(self) -> bool:
        """Whether there are enough runs for a verdict."""
        return min(len(self.before.runs), len(self.after.runs)) >= LEAST_RUNS

    @property
    def word(self) -> Word:
        """What it comes to: slower if any metric is."""
        words = {change.word for change in self.judged}
        return next((word for word in (Word.SLOWER, Word.FASTER) if word in words), Word.NO_EVIDENCE)

    @property
    def is_conclusive(self) -> bool:
        """Whether it is known for each metric that it got slower or faster, or not worse by as much as counts."""
        if self.word is Word.SLOWER:
            return True
        return self.is_possible and not self.missing and all(each.is_conclusive for each in self.judged)

    def exit_code(self, *, require_power: bool = False) -> ExitCode:
        """What a command ends with. A side of which no run can be compared is never a pass.

        Args:
            require_power: Whether a comparison that could not have seen what counts fails.
        """
        if not self.before.runs or not self.after.runs:
            return ExitCode.NO_DATA
        if self.word is Word.SLOWER:
            return ExitCode.REGRESSION
        return ExitCode.INCONCLUSIVE if require_power and not self.is_conclusive else ExitCode.PASS

    def __str__(self) -> str:
        """The comparison as text."""
        from loadcore.comparison import text  # noqa: PLC0415 - it imports this module

        return text.render(self)

    def _repr_html_(self) -> str:
        """The comparison as a notebook shows it."""
        from loadcore.comparison import html  # noqa: PLC0415 - it imports this module

        return html.in_a_notebook(self)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as a JSON document."""
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.word.value if self.is_possible else None,
            "conclusive": self.is_conclusive,
            "before": _side(self.before),
            "after": _side(self.after),
            "judged": [_change(each) for each in self.judged],
            "missing": [each.name for each in self.missing],
            "shown": [_change(each) for each in self.shown],
            "own_intervals": {name: list(map(_ends, ends)) for name, ends in self.own.items() if any(ends)},
            "steps": [{"scenario": each.scenario, "step": each.step, **_change(each.change)} for each in self.steps],
        }


def compare(before: Side, after: Side, metrics: Sequence[Metric]) -> Comparison:
    """Compare two sets of runs.

    Args:
        before: One side.
        after: The other.
        metrics: Those that decide.

    Raises:
        ResultsError: The runs are not of one plan, or one run is on both sides.
    """
    _require_apart(before, after)
    _require_one_plan([*before.runs, *after.runs])
    names = [each.name for each in metrics]
    pairs = [pair for metric in metrics if (pair := _pair(metric, before, after)) is not None]
    known = {metric.name for metric, _, _ in pairs}
    missing = [metric for metric in metrics if metric.name not in known]
    others = [METRICS[name] for name in SHOWN if name not in names]
    shown = [described(*pair) for metric in others if (pair := _pair(metric, before, after)) is not None]
    own = {}
    if len(before.runs) == len(after.runs) == 1:
        one, other = before.runs[0].summary, after.runs[0].summary
        own = {each.name: (interval(each, one), interval(each, other)) for each in (*metrics, *others)}
    return Comparison(before, after, judged(pairs), shown, [*_steps(before, after)], own, missing)


def _pair(
    metric: Metric, before: Side, after: Side, step: tuple[str, str] | None = None
) -> tuple[Metric, list[float], list[float]] | None:
    """The metric's values on both sides; None where one side has none."""
    sides = [
        [found for run in side.runs if (found := _value(metric, run.summary, step)) is not None]
        for side in (before, after)
    ]
    return (metric, sides[0], sides[1]) if all(sides) else None


def _value(metric: Metric, summary: Mapping[str, Any], step: tuple[str, str] | None) -> float | None:
    if step is None:
        return value(metric, summary)
    found = [each for each in summary["steps"] if (each["scenario"], each["name"]) == step and each["requests"]]
    return value(metric, summary, found[0]) if found else None


def _steps(before: Side, after: Side) -> Iterator[StepChange]:
    """The times of each step, of runs with more than one."""
    names = dict.fromkeys(
        (each["scenario"], each["name"])
        for run in (*before.runs, *after.runs)
        for each in run.summary["steps"]
        if each["section"] == "main" and each["requests"]
    )
    if len(names) > 1:
        for step, name in product(names, _OF_STEPS):
            if (pair := _pair(METRICS[name], before, after, step)) is not None:
                yield StepChange(step[0], step[1], described(*pair))


def _require_apart(before: Side, after: Side) -> None:
    shared = {run.summary["run_id"] for run in before.runs} & {run.summary["run_id"] for run in after.runs}
    if shared:
        raise ResultsError(f"run {min(shared)} is on both sides", hint="name two sets without a common run")


def _require_one_plan(runs: Sequence[Compared]) -> None:
    """Refuse runs that did not do the same: their difference says nothing about the target."""
    for run in runs[1:]:
        if _plan_of(run) != _plan_of(runs[0]):
            if changed := [each.name for each in runs if each.summary["load"].get("orders")]:
                names = " and ".join(dict.fromkeys(changed))
                raise ResultsError(
                    f"{names} cannot be compared: the load was changed while it ran",
                    hint="compare runs that kept to their plan",
                )
            differing = _differences(runs[0], run)
            where = f" in {', '.join(differing)}" if differing else ""
            raise ResultsError(
                f"the runs {runs[0].name} and {run.name} cannot be compared: their plans differ{where}",
                hint="compare runs of one scenario with the same load; targets and seeds may differ",
            )


def _plan_of(run: Compared) -> str:
    return str(run.summary.get("comparable_sha256") or run.summary["plan_sha256"])


def _differences(one: Compared, other: Compared) -> list[str]:
    """Where the plans of two runs differ, as far as they were kept."""
    if one.plan is None or other.plan is None:
        return []
    plans = [json.loads(run.plan.read_text("utf-8")) for run in (one, other) if run.plan is not None]
    found = [
        place for place in _differing(plans[0], plans[1], "") if place not in _UNLIKE and not place.endswith("base_url")
    ]
    return found[:_MOST_DIFFERENCES]


def _differing(one: object, other: object, at: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys([*one, *other]):
            yield from _differing(one.get(name), other.get(name), f"{at}.{name}" if at else name)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _differing(pair[0], pair[1], f"{at}[{number}]")
    elif one != other:
        yield at


def _side(side: Side) -> dict[str, Any]:
    return {
        "label": side.label,
        "runs": [str(run.summary["run_id"]) for run in side.runs],
        "left_out": [{"run": each.name, "reason": each.reason} for each in side.left_out],
    }


def _ends(ends: Ends) -> list[float | None] | None:
    return None if ends is None else list(ends)


def _change(change: Change) -> dict[str, Any]:
    metric = change.metric
    detectable = change.detectable
    return {
        "metric": metric.name,
        "unit": metric.unit,
        "relative": metric.is_relative,
        "more_is_better": metric.more_is_better,
        "min_effect": metric.least,
        "before": list(change.before),
        "after": list(change.after),
        "change": change.change,
        "interval": None if change.low is None else [change.low, change.high],
        "p": change.p,
        "detectable": None if detectable is None or not isfinite(detectable) else detectable,
        "word": change.word.value,
    }

"""The comparison of two sets of runs."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from loadcore.comparison import text
from loadcore.comparison.differences import Differences, StepChange
from loadcore.comparison.metrics import METRICS, SHOWN, interval, value
from loadcore.errors import ResultsError
from loadcore.judge.comparing.change import Metric, described, judged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loadcore.comparison.sides import Compared, Side

_OF_STEPS: Final = ("response.p50", "response.p99")
_MOST_DIFFERENCES: Final = 4
_UNLIKE: Final = frozenset({"seed", "base_url"})
"""Keys of a plan that runs of the same plan may differ in."""


class Comparison(Differences):
    """Two sets of runs, compared: shows itself as text, and as a page in a notebook."""

    __slots__ = ()

    def __str__(self) -> str:
        """The comparison as text."""
        return text.render(self)

    def _repr_html_(self) -> str:
        """The comparison as a notebook shows it."""
        from loadcore.comparison import html  # noqa: PLC0415 - what it imports is needed here only

        return html.in_a_notebook(self)


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

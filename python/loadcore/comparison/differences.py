"""What two sets of runs come to, before it is put into words."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from loadcore.errors import ExitCode
from loadcore.judge.comparing.change import LEAST_RUNS, Change, Metric, Word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.comparison.sides import Side

SCHEMA_VERSION: Final = 1
Ends = tuple[float | None, float | None] | None
"""Of an interval; None where there is none."""


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step of a scenario before and after; shown, not judged."""

    scenario: str
    step: str
    change: Change


@dataclass(frozen=True, slots=True)
class Differences:
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

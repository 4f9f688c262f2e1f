"""Ending a run whose thresholds do not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loadcore.judge.thresholds.evaluation import Measurements, ThresholdState, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadcore.judge.thresholds.rule import Rule

_SECOND_NS: Final = 1_000_000_000


class AbortWatch:
    """Says when a threshold ends the run: when it has not held in second after second, for as long as it says.

    Each second is judged by itself, so that a target which has recovered is not held to what it did before. Counts grow
    with the run: they are judged over what was counted so far. A second without data neither counts nor is a break.
    Has no clock: seconds are arguments.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._failing_since: dict[Rule, int | None] = {rule: None for rule in rules if rule.abort_after_ns is not None}

    def observe(self, second: int, of_second: Measurements, so_far: Measurements) -> Rule | None:
        """The rule that ends the run now, if any. Called once for each second, when it is complete.

        Args:
            second: Counted from the start of the run.
            of_second: What was measured in that second.
            so_far: What was measured up to its end.
        """
        for rule, since in self._failing_since.items():
            state = evaluate(rule, so_far if rule.metric.unit == "count" else of_second).state
            if state is ThresholdState.PASS:
                self._failing_since[rule] = None
            elif state is ThresholdState.FAIL:
                first = second if since is None else since
                self._failing_since[rule] = first
                if (second + 1 - first) * _SECOND_NS >= (rule.abort_after_ns or 0):
                    return rule
        return None

"""The thresholds of a run, and their results."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loadcore.judge.thresholds.evaluation import ThresholdState, evaluate
from loadcore.judge.thresholds.grammar import parse
from loadcore.judge.thresholds.rule import ANY_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadcore.judge.thresholds.rule import Rule
    from loadcore.results.run_facts import RunStart
    from loadcore.results.sum.measured import Measured

_ENDED_RUN = {"state": ThresholdState.FAIL.value, "ended_run": True}


def rules_of(start: RunStart) -> list[Rule]:
    """What a run is judged by."""
    return [
        replace(
            parse(entry["expression"]),
            scenario=entry["scenario"],
            step=entry["step"],
            default=entry.get("default", False),
        )
        for entry in start.thresholds
    ]


def is_locusts(rule: Rule) -> bool:
    """Whether a rule is Locust's judgement: for Locust, a request that user code makes by itself is like all others."""
    return rule.default and rule.expression == ANY_ERROR


def evaluate_all(rules: Iterable[Rule], measured: Measured, ended_by: Rule | None = None) -> list[dict[str, Any]]:
    """Every threshold with what was measured, as in the summary.

    A default that has no data is left out where others have some: no check was made, or a scenario was over before the
    measured part began. The user did not ask for it. The rule that ended the run has failed, whatever it
    comes to over the whole of it.
    """
    judged = [evaluate(rule, measured.with_own_rows() if is_locusts(rule) else measured) for rule in rules]
    if measured.count("judged", None, None):
        judged = [each for each in judged if not (each.rule.default and each.state is ThresholdState.NO_DATA)]
    return [each.to_json() | (_ENDED_RUN if each.rule == ended_by else {}) for each in judged]

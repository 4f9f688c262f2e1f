"""Who was the bottleneck, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.judge.finding import Finding

_WHO = {"client": "the client", "script": "the script", "target": "the target", "plan": "the plan"}
_NO_LIMIT = frozenset({"not_visible"})
"""Rules about the target that name no limit."""
_WHERE_TIME_GOES = frozenset({"upstream", "slow_writer", "slow_reader", "round_trip"})
"""Rules that say what a response waits for. That limits users who wait for it, and nothing that keeps to a schedule."""


def bottleneck(findings: Sequence[Finding], *, is_wrong: bool, is_open: bool) -> dict[str, Any]:
    """Subject, rule and message of what limited the run.

    A client that was the bottleneck comes first, because it hides the target; a suspect client was none, but a suspect
    script was: its users had to wait for it. `rule` is None
    where nothing was the bottleneck, or it is not known; then `subject` is None as well.

    Args:
        findings: All, those about the target with what explains most first.
        is_wrong: Whether the run shows that something limited it.
        is_open: Whether every scenario has an open model.
    """
    spoilt = [each for each in findings if each.severity == "invalid"]
    clients = [each for each in spoilt if each.subject in {"client", "script", "other programs"}]
    # Users who wait for their own code ask for less than they would, though what they ask is measured rightly.
    clients += [each for each in findings if each.subject == "script" and each.severity == "suspect"]
    no_limit = _NO_LIMIT if is_wrong or not is_open else _NO_LIMIT | _WHERE_TIME_GOES
    targets = [each for each in findings if each.subject == "target" and each.rule not in no_limit]
    plans = [each for each in spoilt if each.subject == "plan"]
    for found in (*clients, *targets, *plans):
        who = _WHO.get(found.subject, found.subject)
        return {"subject": found.subject, "rule": found.rule, "message": f"{who} was the bottleneck: {found.message}"}
    if is_wrong:
        return {"subject": None, "rule": None, "message": "the bottleneck is unknown"}
    asked = "the plan asked for no more" if is_open else "no more users were requested"
    return {"subject": "plan", "rule": None, "message": f"neither client nor target was the bottleneck: {asked}"}

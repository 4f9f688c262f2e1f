"""Who was the limit, in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.judge.finding import Finding

_SPEAKING = {"invalid": 0, "suspect": 1}


def bottleneck(findings: Sequence[Finding], *, is_wrong: bool, is_open: bool) -> dict[str, Any]:
    """Subject, rule and message of what limited the run.

    The client comes first: where it was the limit nothing is known of the target. `subject` is None where nothing is
    known to have been the limit.

    Args:
        findings: All, those about the target with what explains most first.
        is_wrong: Whether the run shows that something limited it.
        is_open: Whether every scenario has an open model.
    """
    clients = sorted(
        (each for each in findings if each.subject in {"client", "other programs"} and each.severity in _SPEAKING),
        key=lambda each: _SPEAKING[each.severity],
    )
    targets = [each for each in findings if each.subject == "target" and each.rule != "not_visible"]
    plans = [each for each in findings if each.subject == "plan" and each.severity in _SPEAKING]
    for found in (*clients, *targets, *plans):
        who = {"client": "the client", "target": "the target", "plan": "the plan"}.get(found.subject, found.subject)
        return {"subject": found.subject, "rule": found.rule, "message": f"{who} was the limit: {found.message}"}
    if is_wrong:
        return {"subject": None, "rule": None, "message": "what was the limit is not known"}
    asked = "the plan asked for no more" if is_open else "no more users were asked for"
    return {"subject": "plan", "rule": None, "message": f"neither client nor target was the limit: {asked}"}

"""The target's part in a run: what the rules say of it, and which of its errors are answers by policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge import target
from loadcore.judge.policy import Policy, policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.judge.finding import Finding
    from loadcore.results.samples import Sample
    from loadcore.results.sum.parts import Parts
    from loadcore.results.sum.tally import StepTotals, Tally

ERRORS = 0.01
"""Share of errors from which something is wrong, whatever the thresholds allow."""
BEHIND = 0.97
"""Share of the due iterations that an open model has to end."""


def is_wrong(parts: Parts, main: StepTotals) -> bool:
    """Whether a run shows that something limits it: errors, crossed thresholds, or less done than asked."""
    crossed = any(threshold["state"] == "fail" for threshold in parts.thresholds)
    return crossed or (main.error_rate or 0.0) >= ERRORS or _is_behind(parts)


def target_findings(parts: Parts, steady: Tally, of_client: Sequence[Finding]) -> list[Finding]:
    """What limited the target, the one that explains most first.

    Where the client was the bottleneck, the times are not the target's, and only what does not depend on them counts.
    """
    facts = parts.totals.target.facts(
        parts.start,
        parts.end,
        steady,
        parts.samples,
        is_wrong=is_wrong(parts, steady.all_steps()),
        is_slow=_is_slow(parts),
    )
    found = target.find(facts)
    if any(each.subject in {"client", "script"} and each.severity == "invalid" for each in of_client):
        return [each for each in found if each.rule in target.WHATEVER_THE_CLIENT_DID]
    return found


def policy_of(status: int, samples: Sequence[Sample]) -> Policy | None:
    """By which policy a target answers with a status; None for a failure."""
    asks_to_wait = any(
        name.lower() == "retry-after"
        for sample in samples
        if sample.response is not None and sample.response.status == status
        for name, _ in sample.response.headers
    )
    return policy(status, asks_to_wait=asks_to_wait)


def _is_slow(parts: Parts) -> bool:
    crossed = any(each["state"] == "fail" and each["unit"] in {"ns", "per_s"} for each in parts.thresholds)
    return crossed or _is_behind(parts)


def _is_behind(parts: Parts) -> bool:
    if not parts.start.open_only:
        return False
    behind = parts.totals.target.behind(parts.start, parts.end)
    return behind > 1 - BEHIND

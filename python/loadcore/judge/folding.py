"""Reports causes with effects: what delayed the client is in the sentence about the delay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.judge.finding import Finding

EFFECT: Final = "lag"
"""The rule that says what the client's own delay did to the times."""
CAUSES: Final = ("throttled", "cpu", "cores", "core_wait", "steal", "foreign_cpu", "own_work")
"""The rules that say where the delay came from, what explains most first."""

_SAME = ("throttled", "cpu", "cores", "core_wait")
"""Of these, the first that spoke tells what the others see as well: the client had no core."""


def told(findings: Sequence[Finding]) -> list[Finding]:
    """The findings in their order, those that share a cause as one.

    A cause that is the client's own becomes part of the effect, or the effect part of it where it decides by itself.
    One with another subject keeps its own sentence, and the effect takes its remedy.
    """
    kept = _without_echoes(findings)
    cause = min((each for each in kept if each.rule in CAUSES), key=lambda each: CAUSES.index(each.rule), default=None)
    effect = next((each for each in kept if each.rule == EFFECT), None)
    if cause is None or effect is None:
        return kept
    if cause.subject != "client":
        return [replace(each, advice=cause.advice) if each is effect else each for each in kept]
    if cause.severity == "invalid":
        joined = replace(cause, message=f"{cause.message}; {effect.message}")
        gone, changed = effect, cause
    else:
        seen = {name: getattr(cause, name) for name in ("worker", "workers", "first_s", "last_s")}
        joined = replace(effect, message=f"{effect.message}; {cause.message}", advice=cause.advice, **seen)
        gone, changed = cause, effect
    return [joined if each is changed else each for each in kept if each is not gone]


def _without_echoes(findings: Sequence[Finding]) -> list[Finding]:
    """Without those that say of the same cores what a rule before them has said."""
    seen = [rule for rule in _SAME if any(each.rule == rule and each.subject == "client" for each in findings)]
    decisive = [each.rule for each in findings if each.rule in seen and each.severity == "invalid"]
    # A finding that decides is never dropped for one that does not.
    first = next((rule for rule in seen if not decisive or rule in decisive), None)
    if first:
        echoes = set(_SAME) - {first}
    else:
        echoes = {"core_wait"} if any(each.rule == "foreign_cpu" for each in findings) else set()
    # What decides is dropped only for what decides as well.
    return [each for each in findings if each.rule not in echoes or (each.severity == "invalid" and not decisive)]

"""What of a run a rule is about: the steps that its scope names, and the defaults that no rule replaces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loadcore.judge.thresholds.grammar import parse
from loadcore.judge.thresholds.rule import DEFAULTS, Rule
from loadcore.wording.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_OF_SCENARIOS: Final = frozenset({"answered", "users.lost", "dropped.rate", "dropped.count"})


def resolve(
    rule: Rule, steps: Iterable[tuple[str, str]], owner: str | None = None, open_ended: Collection[str] = ()
) -> Rule:
    """The rule with its scope looked up.

    Args:
        rule: What `parse` gave.
        steps: Scenario and name of every step of the run.
        owner: The scenario that states the rule: it judges no other.
        open_ended: The scenarios whose steps get their names during the run.

    Raises:
        ValueError: The step or scenario is unknown, or the metric does not apply to it.
    """
    steps = list(steps)
    known = [(scenario, step) for scenario, step in steps if owner in {None, scenario}]
    scope = rule.scope
    if owner is not None and any(scenario != owner for scenario, _ in steps):
        rule = replace(rule, expression=_of_owner(rule, owner))
    if scope is None:
        return replace(rule, scenario=owner)
    found: set[tuple[str | None, str | None]] = {(owner, step) for _, step in known if step == scope}
    found |= {(scenario, step) for scenario, step in known if f"{scenario}/{step}" == scope}
    found |= {(scenario, None) for scenario, _ in known if f"{scenario}/*" == scope}
    if not found and open_ended and owner in {None, *open_ended}:
        return replace(rule, scenario=owner, step=scope)
    if not found:
        names = sorted({step for _, step in known} | {f"{scenario}/*" for scenario, _ in known})
        raise ValueError(f'"{rule.expression}": unknown step "{scope}"' + did_you_mean(scope, names))
    if len(found) > 1:
        raise ValueError(f'"{rule.expression}": "{scope}" names both a step and a step of a scenario')
    scenario, step = found.pop()
    if step is not None and rule.metric.name in _OF_SCENARIOS:
        raise ValueError(f'"{rule.expression}": {rule.metric.name} applies to scenarios, not to steps')
    return replace(rule, scenario=scenario, step=step)


def defaults(
    rules: Iterable[Rule], scenarios: Sequence[str], checking: Collection[str], arriving: Collection[str] = ()
) -> list[Rule]:
    """The defaults that a run is judged by besides its own rules.

    A rule about errors, or about checks, replaces the default for the scenarios it judges, if it is not about one step.
    With several scenarios each is judged by itself: a busy one must not hide that another fails.

    Args:
        rules: The run's own, resolved.
        scenarios: The names of all scenarios.
        checking: Those of them that make checks.
        arriving: Those of them whose load are arrivals: an open model.
    """
    found = []
    judged_by = {"errors": scenarios, "checks": checking, "answered": arriving}
    said = [rule for rule in rules if rule.step is None]
    for subject, expression in DEFAULTS.items():
        judged = {rule.scenario for rule in said if rule.metric.name.partition(".")[0] == subject}
        if None in judged:
            continue
        own = replace(parse(expression), default=True)
        several = len(scenarios) > 1
        found += [
            replace(own, expression=f"{name}/*: {expression}", scenario=name) if several else own
            for name in scenarios
            if name not in judged and name in judged_by[subject]
        ]
    return found


def _of_owner(rule: Rule, owner: str) -> str:
    """The expression with the name of the scenario that states it: one of several may say the same."""
    if rule.scope is None:
        return f"{owner}/*: {rule.expression}"
    return rule.expression if rule.scope.startswith(f"{owner}/") else f"{owner}/{rule.expression}"

"""Why nothing came of requests and iterations, in words and with names, as far as counts can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.engine import outcomes
from loadcore.results.sum import no_token
from loadcore.wording.outcomes import ANSWERED, NO_ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.results.run_facts import RunStart
    from loadcore.results.samples import Sample
    from loadcore.results.sum.tally import StepTotals, Tally

DEFAULT_TARGETS = ("http://127.0.0.1:8080", "http://localhost:8080")
"""Where `loadcore target up` listens, and what scenarios of `loadcore init` expect."""

_MOST_OF_THEM = 0.5


def causes() -> dict[str, str]:
    """What each outcome but `ok` means, as a clause: `nothing listens at the address`."""
    return {name: text[0].lower() + text[1:].rstrip(".") for name, text in outcomes() if name != "ok"}


def why_not_answered(
    start: RunStart, main: StepTotals, whole: Tally, samples: Sequence[Sample] = ()
) -> tuple[str, str | None]:
    """What stopped most of some requests, as a clause (empty if there is no one cause), and what to do about it."""
    outcome, count = next(iter(main.outcomes.most_common(1)), ("ok", 0))
    if outcome in ANSWERED or count < _MOST_OF_THEM * main.requests:
        return "", None
    if outcome == "connect_refused":
        targets = list(dict.fromkeys(start.base_urls.values()))
        return f"nothing listens at {' and '.join(targets) or 'the address'} ({outcome})", _start_it(targets)
    if outcome == "auth_failed":
        return _no_token(start, whole, samples)
    return f"{causes().get(outcome, outcome)} ({outcome})", None


def why_iterations_failed(start: RunStart, scenario: str, whole: Tally, samples: Sequence[Sample] = ()) -> str:
    """What ended all iterations of a scenario before their end, as a clause; empty if that is not known."""
    reasons = {(each.step, each.kind, each.what): each.reason for each in samples if each.scenario == scenario}
    found = [
        f"the check `{name}` of {step} ended {check.failed} of them{_found(reasons.get((step, 'check', name), ''))}"
        for of, step, name in start.stopping
        if of == scenario and (check := whole.checks.get((of, step, name))) and check.failed
    ]
    unanswered = [
        f"{step.name} got no response {count} times ({_outcome(outcome, reasons.get((step.name, 'outcome', outcome)))})"
        for key, step in whole.steps.items()
        if key[:2] == (scenario, "main")
        for outcome, count in step.outcomes.most_common()
        if outcome not in NO_ERRORS
    ]
    missing = [f"{step}: {reason}" for (step, kind, _), reason in reasons.items() if kind == "extract"]
    return "; ".join([*found, *unanswered] or missing) or _missing_value(start, scenario, whole)


def why_starts_failed(scenario: str, whole: Tally, samples: Sequence[Sample] = ()) -> str:
    """What ended the start of a scenario's users, as a clause; empty if that is not known."""
    reasons = {(each.step, each.kind, each.what): each.reason for each in samples if each.scenario == scenario}
    return "; ".join(
        f"{step.name} got {count} times {_outcome(outcome, reasons.get((step.name, 'outcome', outcome)))}"
        for key, step in whole.steps.items()
        if key[:2] == (scenario, "start")
        for outcome, count in step.outcomes.most_common()
        if outcome not in NO_ERRORS
    )


def _found(reason: str) -> str:
    """What a check found, in parentheses after the sentence about it."""
    found = reason.partition(" does not hold: ")[2]
    return f" ({found})" if found else ""


def _outcome(outcome: str, reason: str | None) -> str:
    """An outcome with its reason, where there is more to say than what it means."""
    return outcome if reason in {None, causes().get(outcome)} else f"{outcome}: {reason}"


def idle(steps: int) -> str:
    """What it means that users went through steps in loops that sent nothing."""
    return (
        f"users went through {steps:,} steps without sending a request: a `repeat` goes round and round "
        "a `branch` that does not hold, or has neither a request nor a pause"
    )


def _missing_value(start: RunStart, scenario: str, whole: Tally) -> str:
    """The value that was not found: nothing else ends an iteration whose requests were all answered.

    It is one of the last step that was reached, since a step after it would have been counted.
    """
    reached = [
        (step, variables)
        for of, step, variables in start.needed
        if of == scenario and (totals := whole.steps.get((of, "main", step))) and totals.requests
    ]
    if not reached:
        return ""
    step, variables = reached[-1]
    names = " or ".join(f"`{name}`" for name in variables)
    return f"{step} responded without the value that `extract` needs for {names}"


def _no_token(start: RunStart, whole: Tally, samples: Sequence[Sample]) -> tuple[str, str]:
    refused = no_token.unreachable(whole, samples)
    if refused is None:
        cause, advice = no_token.why(whole, samples)
        return f"{cause} (auth_failed)", advice
    outcome, found = refused
    targets = found or list(dict.fromkeys(start.base_urls.values()))
    where = " and ".join(targets) or "the address of the token endpoint"
    return f"no token was available: nothing listens at {where} ({outcome})", _start_it(targets)


def _start_it(targets: list[str]) -> str:
    if targets and all(target in DEFAULT_TARGETS for target in targets):
        return "start the reference gateway, which listens there: loadcore target up"
    return "start the target there, or use the address where it listens"

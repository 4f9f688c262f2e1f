"""Answers by which a target says that it takes no more: 429, and 503 at once."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from loadcore.judge.target.named import named
from loadcore.judge.words import rate, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts

TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503

LEAST = 5
LEAST_SHARE = 0.01
"""Of all answers."""
AT_ONCE_NS = 50_000_000
"""A 503 within this time waited in no queue."""

_LIMITS = ("ratelimit-limit", "x-ratelimit-limit", "x-rate-limit-limit", "ratelimit-policy", "ratelimit")


def rate_limit(facts: Facts) -> list[Finding]:
    """429: how much was let through per second, and what the target says about it."""
    refused = facts.statuses[TOO_MANY_REQUESTS]
    if refused < LEAST or refused < LEAST_SHARE * facts.answered:
        return []
    head = facts.heads.get(TOO_MANY_REQUESTS, {})
    through, passed = _let_through(facts, TOO_MANY_REQUESTS)
    told = [f"Retry-After {_retry(head)}"] if "retry-after" in head else []
    told += [f"{name} {head[name]}" for name in _LIMITS if name in head][:1]
    said = f" ({', '.join(told)})" if told else ""
    less = f"ask for less than {passed}" if through else "ask for less"
    wait = f"wait for Retry-After ({_retry(head)}) as a real client would, " if "retry-after" in head else ""
    return [
        named(
            rule="rate_limit",
            message=f"a rate limit let {passed} through and answered {_of_all(refused, facts)} requests with 429{said}",
            advice=f"{wait}{less}, or raise the limit for this client",
            value=through,
            seconds=_when(facts, TOO_MANY_REQUESTS),
        )
    ]


def shedding(facts: Facts) -> list[Finding]:
    """503 at once: a circuit breaker, or load that is shed."""
    times = facts.error_times.get(UNAVAILABLE)
    refused = facts.statuses[UNAVAILABLE]
    if times is None or refused < LEAST or refused < LEAST_SHARE * facts.answered:
        return []
    median_ns, usual_ns = times.quantile_ns(0.5), facts.service.quantile_ns(0.9)
    if median_ns > AT_ONCE_NS or (refused < 0.5 * facts.answered and median_ns > 0.5 * usual_ns):
        return []
    head = facts.heads.get(UNAVAILABLE, {})
    told = f" (Retry-After {_retry(head)})" if "retry-after" in head else ""
    through, passed = _let_through(facts, UNAVAILABLE)
    others = f", and let {passed} through" if refused < facts.answered else ""
    return [
        named(
            rule="shedding",
            message=f"503 after {span(median_ns)}{told} to {_of_all(refused, facts)} requests: "
            f"the target sheds load or has an open circuit breaker{others}",
            advice="check its log for the reason: a connection limit, a breaker, no healthy upstream",
            value=through,
            seconds=_when(facts, UNAVAILABLE),
        )
    ]


def _of_all(refused: int, facts: Facts) -> str:
    """How many requests were refused, of how many that were answered."""
    return f"all {refused:,}" if refused == facts.answered else f"{refused:,} of {facts.answered:,}"


def _let_through(facts: Facts, status: int) -> tuple[float, str]:
    """Answers per second without that status to the steps that got it, in the seconds that had it; and in words."""
    seconds = [each for each in facts.seconds if each.statuses.get(status)]
    # Of the first such second a part was let through by what had been saved up.
    steady = seconds[1:] if len(seconds) > 2 else seconds  # noqa: PLR2004 - something has to be left
    passed = [each.beside.get(status, 0) for each in steady]
    per_s = float(median(passed)) if passed else 0.0
    return per_s, rate(per_s) if per_s else "next to nothing" if any(passed) else "nothing"


def _retry(head: Mapping[str, str]) -> str:
    value = head.get("retry-after", "")
    return f"{value} s" if value.isdigit() else value


def _when(facts: Facts, status: int) -> tuple[int, int] | None:
    seconds = [each.second for each in facts.seconds if each.statuses.get(status)]
    return (seconds[0], seconds[-1]) if seconds else None

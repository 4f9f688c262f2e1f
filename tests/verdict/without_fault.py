"""Situations without a fault: whoever is blamed is blamed falsely."""

from __future__ import annotations

from loadcore import Scenario, arrival_rate, get, think, users
from tests.verdict.laws import Delay
from tests.verdict.situation import Expected, Situation, Surroundings, Target

_GREEN = Expected(frozenset({0}))
_10_MS = Target(Delay(10, exponential=True))
_300_MS = Target(Delay(300))
_ITEMS = [get("/items")]

_HEALTHY = (
    Situation(
        "quiet-closed",
        "20 users who think 50 ms",
        Scenario("items", load=users(20, duration="6s"), steps=[*_ITEMS, think("50ms")]),
        _10_MS,
        _GREEN,
    ),
    Situation(
        "quiet-open",
        "100/s",
        Scenario("items", load=arrival_rate("100/s", duration="6s"), steps=_ITEMS),
        _10_MS,
        _GREEN,
    ),
    Situation(
        "aa-open",
        "500/s for 8 s, exponential 10 ms",
        Scenario("items", load=arrival_rate("500/s", duration="8s"), steps=_ITEMS),
        _10_MS,
        _GREEN,
    ),
    Situation(
        "bursts-open",
        "200/s; other programs want all cores for 40 ms of each 1,000",
        Scenario("items", load=arrival_rate("200/s", duration="6s"), steps=_ITEMS),
        _10_MS,
        _GREEN,
        Surroundings(bursts_ms=(40, 1000)),
    ),
    Situation(
        "few-closed",
        "3 users of a target that takes 300 ms",
        Scenario("items", load=users(3, duration="6s"), steps=_ITEMS),
        _300_MS,
        _GREEN,
    ),
    Situation(
        "few-open",
        "20/s of a target that takes 300 ms, max_users=10",
        Scenario("items", load=arrival_rate("20/s", duration="6s", max_users=10), steps=_ITEMS),
        _300_MS,
        _GREEN,
    ),
)


def situations() -> list[Situation]:
    """Four situations, of which two have a variant of each load model."""
    return list(_HEALTHY)

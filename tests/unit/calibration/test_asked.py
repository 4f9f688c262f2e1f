"""How many requests a second a plan asks for."""

from __future__ import annotations

from typing import Any

import pytest

from loadcore import (
    arrival_rate,
    arrival_stages,
    branch,
    choice,
    every,
    get,
    group,
    iterations,
    repeat,
    think,
    user_stages,
    users,
    variable,
)
from loadcore.calibration.asked import arrivals_per_s, asked_per_s
from tests.unit.compiler.flows import plan, scenario

GET = get("/")
OPEN = arrival_rate("100/s", duration="1s")
TEN = users(10, duration="1s")


@pytest.mark.parametrize(
    ("steps", "load", "pacing", "asked"),
    [
        ([GET], OPEN, None, 100),
        ([GET, group("g", [GET, GET])], OPEN, None, 300),
        ([repeat(3, [GET, repeat(2, [GET])])], OPEN, None, 900),
        ([choice((3, [GET]), (1, [GET, GET, GET, GET, GET]))], OPEN, None, 200),
        ([branch(variable("x").exists(), then=[GET, GET], otherwise=[GET])], OPEN, None, 200),
        ([GET], arrival_stages(("50/s", "1s"), ("200/s", "1s"), ("10/s", "1s"), start="20/s"), None, 200),
        ([GET], arrival_rate("6000/min", duration="1s"), None, 100),
        # What users that pause would send to a target that answers at once.
        ([GET, think("100ms")], TEN, None, 100),
        ([GET, think("50ms", "150ms"), GET], TEN, None, 200),
        ([GET, think(mean="100ms")], iterations(total=5, users=10), None, 100),
        ([GET, repeat(2, [think("50ms")])], user_stages((10, "1s"), (2, "1s")), None, 100),
        ([GET], TEN, every("100ms"), 100),
        ([GET, think("200ms")], TEN, every("100ms"), 50),
        ([GET, choice((1, [think("100ms")]), (3, [think("20ms")]))], TEN, None, 250),
        # As fast as they can.
        ([GET], TEN, None, None),
        ([GET, branch(variable("x").exists(), then=[think("1s")])], TEN, None, None),
    ],
)
def test_the_rate_of_a_scenario(steps: list[Any], load: Any, pacing: Any, asked: float | None) -> None:
    """Requests of an iteration, on average, by how many iterations there are in a second at most."""
    found = asked_per_s(plan(scenario(*steps, load=load, pacing=pacing)))

    assert found == (None if asked is None else pytest.approx(asked))


def test_scenarios_add_up() -> None:
    """One that sends as fast as it can has no asked rate; arrivals have one all the same."""
    one, two, three = (scenario(GET, name=name, load=load) for name, load in [("a", OPEN), ("b", OPEN), ("c", TEN)])

    assert asked_per_s(plan(one, two)) == 200
    assert asked_per_s(plan(one, three)) is None
    assert arrivals_per_s(plan(one, three)) == 100
    assert arrivals_per_s(plan(three)) == 0

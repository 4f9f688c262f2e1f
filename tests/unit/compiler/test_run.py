"""Everything that is wrong, in one list."""

from __future__ import annotations

import pytest

from loadcore import Scenario, arrival_rate, get, users
from loadcore.compiler import Options, Overrides, compile_run, override
from loadcore.errors import ScenarioError


def test_declarations_thresholds_and_the_plan_are_looked_at_together() -> None:
    """A load without a length, a limit without a unit and a variable that is never set are three lines of one list."""
    shop = Scenario(
        "shop",
        base_url="http://127.0.0.1:8080",
        load=users(200),
        steps=[
            get("/items/{nobody}"),
        ],
    )

    with pytest.raises(ScenarioError) as raised:
        compile_run([shop], Options(), ["service.p95 < 5"])

    length, variable_or_limit, other = raised.value.problems
    assert length.message == "the load has no duration"
    assert length.at is not None
    assert length.at.startswith("test_run.py:")
    assert {"nobody" in each.message for each in (variable_or_limit, other)} == {True, False}
    assert any("5 has no unit" in each.message for each in (variable_or_limit, other))


@pytest.mark.parametrize("load", [users(5), arrival_rate("5/s")])
def test_who_starts_a_run_may_say_for_how_long(load: object) -> None:
    """A load without a length takes that of the run."""
    shop = Scenario("shop", base_url="http://127.0.0.1:8080", load=load, steps=[get("/")])  # type: ignore[arg-type]
    plan, _ = compile_run(override([shop], [Overrides.of({"duration": "2s"})]), Options())

    assert plan.document["scenarios"][0]["load"]["duration_ns"] == 2_000_000_000

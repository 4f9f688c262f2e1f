"""The examples: each is a scenario file that can be run as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadcore.compiler import Options, compile_plan, compile_thresholds
from loadcore.loader import scenario_file

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_load_and_compile(path: Path) -> None:
    """Every example compiles to a plan against the reference gateway, judged by its own thresholds."""
    file = scenario_file.load(path)
    plan = compile_plan(file.scenarios, Options(name=file.name, seed=1))
    rules = compile_thresholds(plan, file.scenarios, file.thresholds)
    assert {scenario["base_url"] for scenario in plan.document["scenarios"]} == {"http://127.0.0.1:8080"}
    assert rules != ()


def test_the_first_scenario_is_fifteen_lines() -> None:
    """What a new user reads first fits on a third of a screen."""
    assert len((EXAMPLES / "quickstart.py").read_text("utf-8").splitlines()) <= 15


@pytest.mark.parametrize(
    ("name", "users", "seconds"), [("50", 50, 60), ("100", 100, 120), ("200", 200, 120), ("1000", 1000, 120)]
)
def test_an_example_s_name_says_its_users(name: str, users: int, seconds: int) -> None:
    """`users_200.py` has 200 users, for as long as its first sentence says."""
    file = scenario_file.load(EXAMPLES / f"users_{name}.py")
    load = compile_plan(file.scenarios).document["scenarios"][0]["load"]
    last = load["stages"][-1] if load["kind"] == "user_stages" else load
    assert (last["users"], last["duration_ns"]) == (users, seconds * 10**9)

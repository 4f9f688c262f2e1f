"""A plan changed for trying it out: each way through its choices, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore import Scenario, branch, choice, get, group, iterations, repeat, users, variable
from loadcore.compiler import Options, compile_plan
from loadcore.compiler.trial import MOST_ITERATIONS, trial, untried

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.plan.document import StepPlan
    from loadcore.plan.plan import Plan
    from loadcore.scenario.step import Step


def tried(steps: Sequence[Step], on_start: Sequence[Step] = ()) -> Plan:
    """The trial of a scenario of these steps."""
    scenario = Scenario("shop", base_url="http://h", load=users(9, duration="1s"), steps=steps, on_start=on_start)
    return trial(compile_plan([scenario], Options(once=True, seed=1)))


def walk(steps: Sequence[StepPlan], iteration: int) -> list[str]:
    """The requests of an iteration, by the turns of its choices."""
    names = []
    for step in steps:
        if step["kind"] == "request":
            names.append(step["url"])
        elif step["kind"] == "choice":
            names += walk(step["options"][step["turns"][iteration]][1], iteration)
        else:
            names += walk([*step.get("steps", ()), *step.get("then", ()), *step.get("otherwise", ())], iteration)
    return names


def walks(plan: Plan) -> list[list[str]]:
    """The requests of each iteration."""
    (scenario,) = plan.document["scenarios"]
    return [walk(scenario["steps"], iteration) for iteration in range(scenario["load"]["iterations"])]


def test_without_choices_one_iteration_is_all() -> None:
    """The plan is as it was, but for what is kept."""
    plan = tried([get("/a"), group("g", [repeat(2, [get("/b")])])])

    assert walks(plan) == [["/a", "/b"]]
    assert plan.document["samples"] == "everything"


def test_each_option_is_taken_once() -> None:
    """Options side by side are tried together, options inside options one after another."""
    plan = tried(
        [
            choice((9, [get("/a")]), (1, [get("/b")])),
            choice((9, [choice((1, [get("/c")]), (1, [get("/d")])), get("/e")]), (1, [get("/f")])),
            group("g", [branch(variable("x") == "1", then=[choice((1, [get("/g")]), (1, [get("/h")]))])]),
        ],
        on_start=[get("/x")],
    )

    assert walks(plan) == [["/a", "/c", "/e", "/g"], ["/b", "/d", "/e", "/h"], ["/a", "/f", "/g"]]


def test_ways_without_end_are_bounded_and_named() -> None:
    """What the bound leaves out is among the untried."""
    options = [(1, [get(f"/{number}")]) for number in range(MOST_ITERATIONS + 2)]
    plan = tried([choice(*options)])
    done = {("shop", f"GET {url}") for walked in walks(plan) for url in walked}

    assert len(done) == MOST_ITERATIONS
    left = untried(plan.redacted(), done, set())
    assert [(each.step, each.why) for each in left] == [
        (f"GET /{number}", "its option was not taken") for number in (MOST_ITERATIONS, MOST_ITERATIONS + 1)
    ]


def test_why_something_was_not_tried() -> None:
    """The branch around it, or the end of the iteration; of secrets only the name."""
    plan = tried(
        [
            branch(variable("next") != "", then=[get("/a")], otherwise=[get("/b")]),
            branch(variable("token").exists(), then=[get("/c")]),
            branch(variable("token") == "CANARY", then=[get("/d")]),
        ]
    )

    assert {each.step: each.why for each in untried(plan.redacted(), set(), set())} == {
        "GET /a": '`next != ""` did not hold',
        "GET /b": '`next != ""` held',
        "GET /c": "`token exists` did not hold",
        "GET /d": '`token == "***"` did not hold',
    }
    ended = {each.step: each.why for each in untried(plan.redacted(), set(), {"shop"})}
    assert ended["GET /a"] == 'the iteration ended before this step, or `next != ""` did not hold'


def test_a_load_of_iterations_is_one_too() -> None:
    """Whatever the scenario's own load is."""
    scenario = Scenario("shop", base_url="http://h", load=iterations(each=5, users=3), steps=[get("/a")])

    (found,) = trial(compile_plan([scenario], Options(once=True, seed=1))).document["scenarios"]
    assert (found["load"]["users"], found["load"]["iterations"]) == (1, 1)

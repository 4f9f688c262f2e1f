"""Functions and classes of the user's, used as steps."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loadcore import Client, User, bearer, choice, get, group, post, response, task
from loadcore.compiler import compile_thresholds
from loadcore.scripting.travel import find
from tests.unit.compiler.flows import compiled, document, plan, problems, scenario
from tests.unit.scripting.fake import Fake, run

if TYPE_CHECKING:
    from loadcore.scenario.step import Script


async def shopper(c: Client) -> None:
    """Buys."""
    await c.get("/items/{id}", 7)


async def login(c: Client) -> None:
    """Logs in."""
    c.state["session"] = (await c.post("/session")).json()


class Trader(User):
    """Trades."""

    symbol: str

    async def on_start(self) -> None:
        """Finds its symbol."""
        self.symbol = (await self.c.get("/symbols")).json("$.first")

    @task(4)
    async def watch(self) -> None:
        """Watches."""
        await self.c.get("/quotes/{symbol}", self.symbol)

    @task()
    async def trade(self) -> None:
        """Trades."""
        await self.c.post("/orders", json={"symbol": self.symbol})


def leaf(number: int, function: Any, name: str) -> dict[str, Any]:
    """The step of a script."""
    at = f"test_scripts.py:{function.__code__.co_firstlineno}"
    return {"kind": "script", "script": number, "name": name, "at": at}


def test_a_function_is_a_step() -> None:
    """Alone, among others, in a choice, and as a user's start and stop; each is in the plan once."""
    choosing = choice((7, [get("/me")]), (2, shopper))
    found = document(
        scenario(steps=shopper),
        scenario(get("/a"), shopper, group("g", [shopper]), choosing, name="two", on_start=login, on_stop=[login]),
    )
    alone, mixed = found["scenarios"]
    own = leaf(0, shopper, "shopper")
    assert alone["steps"] == [own]
    assert "on_stop" not in alone
    assert [step["kind"] for step in mixed["steps"]] == ["request", "script", "group", "choice"]
    assert (mixed["steps"][2]["steps"], mixed["steps"][3]["options"][1]) == ([own], (2, [own]))
    assert mixed["on_start"] == mixed["on_stop"] == [leaf(1, login, "login")]
    assert [script["name"] for script in found["scripts"]] == ["shopper", "login"]


def test_what_a_plan_says_about_a_script() -> None:
    """Its name and line, what its source shows, and how a worker finds it. Its digest tells that it changed."""
    (script,) = document(scenario(steps=shopper))["scripts"]
    file = Path(__file__).resolve()
    assert script == {
        "name": "shopper",
        "at": f"test_scripts.py:{shopper.__code__.co_firstlineno}",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "file": str(file),
        "qualified": "shopper",
        "module": __name__,
        "root": str(file.parents[3]),
        "calls": ["GET /items/{id}"],
    }
    assert "scripts" not in document(scenario())


def test_a_class_is_a_choice_among_its_tasks() -> None:
    """By their weights; its start comes after that of the scenario."""
    found = compiled(steps=Trader, on_start=[post("/session")])
    assert [step["name"] for step in found["on_start"]] == ["POST /session", "Trader.on_start"]
    (choosing,) = found["steps"]
    assert [(weight, option[0]["name"]) for weight, option in choosing["options"]] == [
        (4, "Trader.watch"),
        (1, "Trader.trade"),
    ]
    assert "on_stop" not in found


def test_a_worker_finds_what_was_meant() -> None:
    """By file and name; all methods of a class share one instance for each user."""
    scripts = document(scenario(steps=Trader), scenario(steps=shopper, name="two"))["scripts"]
    fake = Fake({"/symbols": (200, {}, {"first": "ABC"})})

    async def life(c: Client) -> None:
        for script in scripts[:3]:
            await find(script)(c)

    assert run(life, fake).how == "complete"
    assert [each.url for each in fake.sent] == ["/symbols", "/quotes/ABC", "/orders"]
    assert run(find(scripts[3]), Fake()).how == "complete"


def test_a_local_function_travels_itself() -> None:
    """With the values that it uses; the plan that is shown does not have them."""
    pytest.importorskip("cloudpickle")
    path = "/local"

    async def local(c: Client) -> None:
        await c.get(path)

    made = plan(scenario(steps=local))
    (script,) = made.document["scripts"]
    assert script["name"] == "test_a_local_function_travels_itself.local"
    assert made.redacted()["scripts"][0]["pickled"].endswith(" bytes")
    fake = Fake()
    run(find(script), fake)
    assert fake.sent[0].url == "/local"


def test_thresholds_may_name_what_the_run_will_show() -> None:
    """A name that the source does not show gets its data during the run; a declared scenario's names are known."""
    made = plan(scenario(steps=shopper), scenario(name="two"))
    scenarios = [scenario(steps=shopper, thresholds=["postgres order by id: service.p95 < 20ms"]), scenario(name="two")]
    rule, *_ = compile_thresholds(made, scenarios, given=["GET /items/{id}: service.p95 < 1s"])
    assert (rule.scenario, rule.step) == (None, "GET /items/{id}")
    rule, *_ = compile_thresholds(made, scenarios)
    assert (rule.scenario, rule.step) == ("one", "postgres order by id")


def test_checks_of_scripts_are_judged_by_default() -> None:
    """They may be made or not: none is as good as all that hold. Declared checks have to be there."""
    rules = compile_thresholds(plan(scenario(steps=shopper), scenario(name="two")), [])
    assert [(rule.expression, rule.may_lack_checks) for rule in rules] == [
        ("one/*: errors.rate < 1%", False),
        ("two/*: errors.rate < 1%", False),
        ("one/*: checks.rate > 99%", True),
    ]
    (rule, *_) = compile_thresholds(plan(scenario(steps=shopper)), [], given=["checks.failed == 0"])
    assert rule.may_lack_checks
    (rule, *_) = compile_thresholds(plan(scenario()), [], given=["checks.failed == 0"])
    assert not rule.may_lack_checks


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {
                "steps": shopper,
                "on_start": [post("/s", extract={"key": response.json("$.k")})],
                "headers": {"X": "{key}"},
            },
            "headers: X needs a variable that on_start extracts",
        ),
        ({"steps": [choice((1, Trader))]}, "an option is a class: a class of users is all of a scenario's steps"),  # type: ignore[arg-type]
        ({"steps": Trader, "auth": bearer("t"), "on_stop": 7}, "on_stop is 7: it must be a list of steps"),
        ({"steps": [str.upper]}, "a step is a method_descriptor: a user's function must be an async def"),
    ],
)
def test_what_cannot_be_a_script(settings: Any, message: str) -> None:
    """It is reported like any other problem of a declaration."""
    (found,) = problems(scenario(**settings))
    assert message in found


def test_python_that_leaves_out_asserts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks of users would silently not be made."""
    from loadcore.compiler import plan as compiler  # noqa: PLC0415

    monkeypatch.setattr(compiler, "ASSERTS", False)
    assert problems(scenario(steps=shopper)) == [
        "this Python leaves out every assert, and with them checks of the users"
    ]
    assert problems(scenario()) == []


def _typed(script: Script) -> Script:
    """A function of the user's is a `Script`."""
    return script


_typed(shopper)

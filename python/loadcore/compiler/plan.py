"""Scenarios and options to a plan."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeVar

from loadcore.compiler.auths import AuthRegistry
from loadcore.compiler.feeders import FeederRegistry
from loadcore.compiler.fields import compile_fields
from loadcore.compiler.flows import FlowCompiler
from loadcore.compiler.headers import move_late_headers
from loadcore.compiler.load import compile_load, compile_pause
from loadcore.compiler.options import Options
from loadcore.compiler.problems import MOST_64, Problems
from loadcore.compiler.scripts import ScriptRegistry, is_user
from loadcore.compiler.settings import compile_http
from loadcore.plan.plan import VERSION, Plan
from loadcore.scenario.http import Http
from loadcore.scenario.load_models import DEFAULT_LOAD, iterations
from loadcore.scenario.scenario import Scenario
from loadcore.wording.kinds import shown
from loadcore.wording.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.plan.document import HttpPlan, PlanDocument, ScenarioPlan
    from loadcore.scenario.place import Place

T = TypeVar("T")

ASSERTS: Final = __debug__
"""Whether this Python executes `assert`."""
_GRACEFUL_STOP: Final = "30s"
# Also whole in programs that keep all numbers as floating-point numbers, as readers of the plan may.
_SEED_BITS: Final = 53


def compile_plan(scenarios: Sequence[Scenario], options: Options | None = None) -> Plan:
    """The plan that carries out these scenarios side by side.

    Whether it makes sense as a whole is for the engine's check to say; here everything is read, and named.

    Raises:
        ScenarioError: With everything that is wrong in the declarations.
        ScenarioRaised: A function given to `rows_feeder` raised.
    """
    problems = Problems()
    plan = compile_into(problems, scenarios, options)
    problems.raise_if_any()
    return plan


def compile_into(problems: Problems, scenarios: Sequence[Scenario], options: Options | None = None) -> Plan:
    """The plan, with something harmless in place of everything that is added to `problems`."""
    return _Compiler(scenarios, options or Options(), problems).plan()


class _Compiler:
    def __init__(self, scenarios: Sequence[Scenario], options: Options, problems: Problems) -> None:
        self._scenarios = [each for each in scenarios if isinstance(each, Scenario)]
        for other in scenarios:
            if not isinstance(other, Scenario):
                problems.add(None, f"{shown(other)} is not a scenario", 'write Scenario("name", …)')
        self._options = options
        self._problems = problems
        self._auth = AuthRegistry(problems)
        self._feeders = FeederRegistry(problems)
        self._scripts = ScriptRegistry(problems)
        self._flows = FlowCompiler(problems, self._auth.register, self._scripts)

    def plan(self) -> Plan:
        options, problems = self._options, self._problems
        if not self._scenarios:
            problems.add(None, "the plan has no scenario")
        for name, number in Counter(scenario.name for scenario in self._scenarios).items():
            if number > 1:
                problems.add(self._scenarios[-1].place, f'{number} scenarios are called "{name}"')
        scenarios = [self._scenario(scenario) for scenario in self._scenarios]
        seed = int.from_bytes(os.urandom(8)) >> 64 - _SEED_BITS if options.seed is None else options.seed
        document: PlanDocument = {
            "version": VERSION,
            "name": options.name or "+".join(scenario["name"] for scenario in scenarios),
            "seed": problems.whole(None, "the seed", seed, least=0, most=MOST_64),
            "warm_up_ns": self._duration_of_run("warm_up", "0s"),
            "graceful_stop_ns": self._duration_of_run("graceful_stop", _GRACEFUL_STOP),
            "http": self._http(),
            "feeders": self._feeders.plans,
            "auth": self._auth.plans,
            "scenarios": scenarios,
        }
        if self._scripts.plans:
            self._asserts()
            document["scripts"] = self._scripts.plans
        return Plan(document)

    def _asserts(self) -> None:
        """Refuses to run users in Python where Python leaves out what they assert."""
        if not ASSERTS:
            hint = "run without python -O, and unset PYTHONOPTIMIZE"
            self._problems.add(None, "this Python leaves out every assert, and with them checks of the users", hint)

    def _scenario(self, scenario: Scenario) -> ScenarioPlan:
        place, problems = scenario.place, self._problems
        name = problems.text(place, "the scenario's name", scenario.name)
        load = iterations(total=1) if self._options.once else scenario.load
        auth = None if scenario.auth is None else self._auth.register(scenario.auth, place)
        plan: ScenarioPlan = {
            "name": name,
            "base_url": self._base_url(scenario),
            "load": compile_load(DEFAULT_LOAD if load is None else load, place, problems),
            "start_after_ns": problems.parse(place, "start_after", parse_duration, scenario.start_after, 0),
            "headers": compile_fields(scenario.headers, "headers", place, problems),
            "feeders": self._feeder_names(scenario),
            "on_start": [],
            "steps": [],
        }
        self._walks(scenario, plan)
        if scenario.pacing is not None and not self._options.once:
            plan["pacing"] = compile_pause(scenario.pacing, "pacing", place, problems)
        if auth is not None:
            plan["auth"] = auth
        if place is not None:
            plan["at"] = str(place)
        move_late_headers(plan, place, problems)
        return plan

    def _walks(self, scenario: Scenario, plan: ScenarioPlan) -> None:
        """What users do: once before, in each iteration, once after."""
        place, flows = scenario.place, self._flows
        plan["on_start"] = flows.steps(scenario.on_start, "on_start", place)
        stop = flows.steps(scenario.on_stop, "on_stop", place)
        if is_user(scenario.steps):
            start, plan["steps"], own_stop = self._scripts.user(scenario.steps, place)
            # What the scenario declares comes before what the class does by itself.
            plan["on_start"], stop = [*plan["on_start"], *start], [*own_stop, *stop]
        else:
            plan["steps"] = flows.steps(scenario.steps, "steps", place)
            if not scenario.steps:
                self._problems.add(place, f'the scenario "{scenario.name}" has no steps')
        if stop:
            plan["on_stop"] = stop

    def _base_url(self, scenario: Scenario) -> str:
        url = scenario.base_url
        if url is None:
            hint = 'write base_url="http://127.0.0.1:8080", or pass --base-url'
            self._problems.add(scenario.place, f'the scenario "{scenario.name}" has no base_url', hint)
            return ""
        return self._problems.text(scenario.place, "base_url", url).rstrip("/")

    def _feeder_names(self, scenario: Scenario) -> list[str]:
        if not isinstance(scenario.feeders, tuple):
            message = f"feeders is {shown(scenario.feeders)}: it must be a list"
            return [self._feeders.refuse(scenario.place, message, 'write feeders=[csv_feeder("users.csv")]')]
        return [self._feeders.register(feeder, scenario.place) for feeder in scenario.feeders]

    def _http(self) -> HttpPlan:
        http, place = self._of_run("http", Http())
        return compile_http(http, place, self._problems)

    def _duration_of_run(self, name: str, default: str) -> int:
        value, place = self._of_run(name, default)
        return self._problems.parse(place, name, parse_duration, value, 0)

    def _of_run(self, name: str, default: T) -> tuple[T, Place | None]:
        """A setting of the whole run, and where it is made: scenarios that make it must agree."""
        given = [(getattr(scenario, name), scenario) for scenario in self._scenarios]
        given = [(value, scenario) for value, scenario in given if value is not None]
        if not given:
            return default, None
        value, first = given[0]
        for other, scenario in given[1:]:
            if other != value:
                message = f'the scenarios "{first.name}" and "{scenario.name}" have different values for {name}'
                self._problems.add(
                    scenario.place, message, f"{name} applies to the whole run: set it in only one of them"
                )
        return value, first.place

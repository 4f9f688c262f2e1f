"""From a scenario file and the settings of a command to what is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadcore.cli.settings import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from loadcore.cli.settings import Settings
    from loadcore.judge.thresholds.rule import Rule
    from loadcore.loader.scenario_file import ScenarioFile
    from loadcore.plan.plan import Plan
    from loadcore.processes.assignment import Beside
    from loadcore.scenario.scenario import Scenario
    from loadcore.scenario.threshold import Threshold

ABORT_AFTER = "5s"
"""For how long a threshold of `--abort-on` must not hold until it ends the run."""


@dataclass(frozen=True, slots=True)
class Code:
    """Code of the user's that runs in the workers, where the plan does not say which.

    Attributes:
        program: What runs it: see `loadcore.processes.messages.Prepare`.
        workers: How many workers it has.
        start_beside: Starts what else belongs to it, given the run's folder and the number of workers.
    """

    program: Mapping[str, Any]
    workers: int
    start_beside: Callable[[Path, int], Beside | None] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is run.

    Attributes:
        plan: The compiled plan.
        rules: What the run is judged by.
        scenarios: The declarations, as the settings changed them.
        sources: Settings of the run, by name, with where they came from.
        code: Code that runs in the workers, if the plan does not say which.
    """

    plan: Plan
    rules: Sequence[Rule]
    scenarios: Sequence[Scenario]
    sources: Mapping[str, Setting]
    code: Code | None = None

    @property
    def target(self) -> str:
        """The base URLs, as one text."""
        return ", ".join(dict.fromkeys(scenario["base_url"] for scenario in self.plan.document["scenarios"]))


def load_file(path: str, settings: Settings) -> ScenarioFile:
    """Executes a scenario file in the environment that the settings ask for.

    From then on what anybody prints goes to stderr: stdout is for the command's result.

    Args:
        path: The file, or `FILE.py:NAME`.
        settings: What the user and a file want.

    Raises:
        PlanError: The file or the scenario does not exist, or a declaration is not valid.
        ScenarioRaised: The file raised an exception.
    """
    from loadcore.cli import streams
    from loadcore.loader import scenario_file

    streams.keep_for_results()
    settings.set_environment()
    return scenario_file.load(path)


def prepare(file: ScenarioFile, settings: Settings, *, once: bool = False, name: str | None = None) -> Prepared:
    """Compiles scenarios with the settings.

    Args:
        file: The scenarios.
        settings: What the user and a file want.
        once: Whether one user makes one iteration in place of every load.
        name: What the run is called; as the file if None.

    Raises:
        PlanError: Something is not valid; everything that is wrong is listed.
        UsageError: The settings contradict each other or the scenario.
    """
    from loadcore.compiler import Options, compile_run, override

    scenarios = override(file.scenarios, settings.layers())
    options = Options(seed=settings.get("seed"), name=name or settings.get("name") or file.name, once=once)
    of_file, given, source = _thresholds(file.thresholds, scenarios, settings)
    plan, rules = compile_run(scenarios, options, of_file, given, guards(settings))
    sources = {
        **_load_sources(file.path.name, file.scenarios, settings),
        "base_url": _base_url_source(file, settings),
        "warm_up": _warm_up_source(file, settings),
        "seed": settings.either("seed", Setting(None, "random")),
        "thresholds": Setting(None, source or file.path.name),
    }
    return Prepared(plan, rules, scenarios, sources)


def _load_sources(file: str, scenarios: Sequence[Scenario], settings: Settings) -> dict[str, Setting]:
    """Who had a say in the load of each scenario."""
    from loadcore.compiler.load_overrides import LOAD

    insisted = [settings.insisted[name].source for name in LOAD if name in settings.insisted]
    sources = {}
    for scenario in scenarios:
        unsaid = scenario.load is None
        files = {settings.file[name].source for name in LOAD if unsaid and name in settings.file}
        said = [] if unsaid else [file]
        sources[f"load of {scenario.name}"] = Setting(scenario.load, ", ".join([*said, *files, *insisted]) or "default")
    return sources


def _base_url_source(file: ScenarioFile, settings: Settings) -> Setting:
    """Who says what the target is: a file, if there is a scenario that has none of its own."""
    missing = any(scenario.base_url is None for scenario in file.scenarios)
    suggested = settings.file.get("base_url") if missing else None
    return settings.insisted.get("base_url") or suggested or Setting(None, file.path.name)


def _warm_up_source(file: ScenarioFile, settings: Settings) -> Setting:
    said = any(scenario.warm_up is not None for scenario in file.scenarios)
    suggested = None if said else settings.file.get("warm_up")
    return settings.insisted.get("warm_up") or suggested or Setting(None, file.path.name if said else "default")


def _thresholds(
    of_file: Sequence[str | Threshold], scenarios: Sequence[Scenario], settings: Settings
) -> tuple[Sequence[Any], Sequence[Any], str | None]:
    """Those of the file, those that take the place of all others, and where the latter came from."""
    said = bool(of_file) or any(scenario.thresholds for scenario in scenarios)
    found = settings.insisted.get("thresholds") or (None if said else settings.file.get("thresholds"))
    if found is not None:
        return (), found.value, found.source
    return of_file, (), None if said else "default"


def guards(settings: Settings) -> list[Threshold]:
    """What ends the run early."""
    from loadcore.scenario.threshold import Threshold

    return [Threshold(text, abort_after=ABORT_AFTER) for text in settings.get("abort_on", ())]

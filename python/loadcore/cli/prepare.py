"""From a scenario file and the settings of a command to what is run."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from loadcore.cli.loads import UNSAID, load_for
from loadcore.cli.settings import LOAD, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.cli.settings import Settings
    from loadcore.loader import ScenarioFile
    from loadcore.plan import Plan
    from loadcore.scenario import Scenario
    from loadcore.thresholds import Rule, Threshold

ABORT_AFTER = "5s"
"""For how long a threshold of `--abort-on` must not hold until it ends the run."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is run.

    Attributes:
        plan: The compiled plan.
        rules: What the run is judged by.
        scenarios: The declarations, as the settings changed them.
        sources: Settings of the run, by name, with where they came from.
    """

    plan: Plan
    rules: Sequence[Rule]
    scenarios: Sequence[Scenario]
    sources: Mapping[str, Setting]

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
        PlanError: There is no such file or scenario, or a declaration is not valid.
        ScenarioRaised: The file raised an exception.
    """
    from loadcore import loader
    from loadcore.cli import streams

    streams.keep_for_results()
    suggested = settings.suggested.get("env")
    for name, value in (suggested.value if suggested else {}).items():
        os.environ.setdefault(name, value)
    insisted = settings.insisted.get("env")
    for pair in insisted.value if insisted else ():
        name, _, value = pair.partition("=")
        os.environ[name] = value
    return loader.load(path)


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
    from loadcore.compiler import Options, compile_run

    scenarios = [_changed(scenario, settings) for scenario in file.scenarios]
    host = settings.insisted.get("host")
    warm_up = _warm_up(scenarios, settings)
    options = Options(
        base_url=host.value if host else None,
        warm_up=warm_up.value if warm_up else None,
        seed=settings.get("seed"),
        name=name or file.name,
        once=once,
        upstream_header=settings.get("upstream_header"),
    )
    of_file, given, source = _thresholds(file.thresholds, scenarios, settings)
    plan, rules = compile_run(scenarios, options, of_file, given, _guards(settings))
    sources = {
        **_load_sources(file.path.name, file.scenarios, settings),
        "host": host or _suggested_host(file.scenarios, settings) or Setting(None, file.path.name),
        "warm_up": warm_up or Setting(None, file.path.name if _says_warm_up(scenarios) else "default"),
        "seed": settings.either("seed", Setting(None, "random")),
        "thresholds": Setting(None, source or file.path.name),
    }
    return Prepared(plan, rules, scenarios, sources)


def _changed(scenario: Scenario, settings: Settings) -> Scenario:
    """The scenario with its load and its target as the settings want them."""
    load = scenario.load
    suggested = settings.wish(settings.suggested)
    if load == UNSAID and not suggested.empty:
        load = load_for(load, suggested)
    load = load_for(load, settings.wish(settings.insisted))
    suggested_host = settings.suggested.get("host")
    base_url = scenario.base_url or (suggested_host.value if suggested_host else None)
    return replace(scenario, load=load, base_url=base_url)


def _load_sources(file: str, scenarios: Sequence[Scenario], settings: Settings) -> dict[str, Setting]:
    """Who had a say in the load of each scenario."""
    flags = [settings.insisted[name].source for name in LOAD if name in settings.insisted]
    sources = {}
    for scenario in scenarios:
        unsaid = scenario.load == UNSAID
        files = {settings.suggested[name].source for name in LOAD if unsaid and name in settings.suggested}
        said = [] if unsaid else [file]
        sources[f"load of {scenario.name}"] = Setting(scenario.load, ", ".join([*said, *files, *flags]) or "default")
    return sources


def _suggested_host(scenarios: Sequence[Scenario], settings: Settings) -> Setting | None:
    """The target of a file, if there is a scenario that has none of its own."""
    missing = any(scenario.base_url is None for scenario in scenarios)
    return settings.suggested.get("host") if missing else None


def _warm_up(scenarios: Sequence[Scenario], settings: Settings) -> Setting | None:
    suggested = None if _says_warm_up(scenarios) else settings.suggested.get("warm_up")
    return settings.insisted.get("warm_up") or suggested


def _says_warm_up(scenarios: Sequence[Scenario]) -> bool:
    return any(scenario.warm_up is not None for scenario in scenarios)


def _thresholds(
    of_file: Sequence[str | Threshold], scenarios: Sequence[Scenario], settings: Settings
) -> tuple[Sequence[Any], Sequence[Any], str | None]:
    """Those of the file, those that take the place of all others, and where the latter came from."""
    said = bool(of_file) or any(scenario.thresholds for scenario in scenarios)
    found = settings.insisted.get("thresholds") or (None if said else settings.suggested.get("thresholds"))
    if found is not None:
        return (), found.value, found.source
    return of_file, (), None if said else "default"


def _guards(settings: Settings) -> list[Threshold]:
    """What ends the run early."""
    from loadcore.thresholds import Threshold

    return [Threshold(text, abort_after=ABORT_AFTER) for text in settings.get("abort_on", ())]

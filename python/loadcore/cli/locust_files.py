"""Locust files on the command line: what is run of them."""

from __future__ import annotations

from dataclasses import replace
from importlib import util
from typing import TYPE_CHECKING, Any

from loadcore.cli.prepare import Code, Prepared
from loadcore.cli.settings import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from loadcore.cli.locust_arguments import OfLocust
    from loadcore.cli.settings import Settings
    from loadcore.judge.thresholds.rule import Rule
    from loadcore.plan.plan import Plan
    from loadcore.processes.assignment import Beside


def prepare(
    of_locust: OfLocust, settings: Settings, *, include_ramp: bool = False, on_nodes: bool = False
) -> tuple[Prepared, dict[str, Any]]:
    """What is run of a Locust file, and what is known of the file.

    Raises:
        ScenarioError: There is something wrong with the file, or Locust is not installed.
        ScenarioRaised: The file raised an exception.
        UsageError: The options make no sense.
    """
    from loadcore.cli import streams
    from loadcore.locustfiles import command_line, inspection
    from loadcore.locustfiles.plan import plan_of
    from loadcore.plan.checked import checked
    from loadcore.wording.units import parse_duration, parse_percent

    streams.keep_for_results()
    _refuse_what_cannot_run(of_locust.path)
    settings.set_environment()
    insisted = {name: str(setting.value) for name, setting in settings.insisted.items()}
    arguments = [*command_line.for_locust(insisted), *of_locust.arguments]
    facts = inspection.inspect(str(of_locust.path), arguments)
    warm_up = settings.insisted.get("warm_up")
    plan = checked(
        plan_of(
            of_locust.path.resolve(),
            facts,
            seed=settings.get("seed"),
            warm_up_ns=None if warm_up is None else parse_duration(warm_up.value),
            include_ramp=include_ramp,
            trace_sample=parse_percent(settings.get("trace_sample", "0%")),
        )
    )
    sources = {
        "base_url": settings.insisted.get("base_url") or Setting(None, of_locust.path.name),
        "warm_up": warm_up or Setting(None, "--include-ramp" if include_ramp else "default"),
        "thresholds": settings.insisted.get("thresholds") or Setting(None, "default"),
    }
    facts["arguments"] = arguments
    workers = workers_of(facts, settings)
    code = Code(_program(of_locust, facts, settings), workers, _master(of_locust, facts, workers, on_nodes=on_nodes))
    return Prepared(plan, _rules(plan, facts, settings), (), sources, code), facts


def _program(of_locust: OfLocust, facts: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """What a worker runs of a Locust file."""
    return {
        "module": "loadcore.locustfiles.worker",
        "files": [str(of_locust.path.resolve())],
        "until_stopped": facts["run_time_s"] is None and facts["shape"] is None,
        "arguments": {
            "path": str(of_locust.path.resolve()),
            "arguments": facts["arguments"],
            "seed": settings.get("seed"),
        },
    }


def _master(
    of_locust: OfLocust, facts: dict[str, Any], workers: int, *, on_nodes: bool
) -> Callable[[Path, int], Beside | None] | None:
    """What starts Locust's master, where several workers need one."""
    if workers == 1 and not on_nodes:
        return None

    def start(folder: Path, count: int) -> Beside | None:
        from loadcore.cluster.policy import Policy
        from loadcore.locustfiles.master_process import MasterProcess

        if count == 1:
            return None
        patience_s = Policy().patience_s if on_nodes else None
        return MasterProcess(
            str(of_locust.path.resolve()), facts["arguments"], count, folder / "locust-master.log", patience_s
        )

    return start


def workers_of(facts: dict[str, Any], settings: Settings) -> int:
    """How many processes have users: one, as with Locust, unless more are asked for."""
    from loadcore.machine.client_limits import default_workers

    asked = settings.get("workers")
    if asked is not None:
        return int(asked)
    processes = facts["processes"]
    if processes is None:
        return 1
    return default_workers(1 << 16) if processes < 0 else max(1, int(processes))


def _refuse_what_cannot_run(path: Path) -> None:
    from loadcore.errors import Problem, ScenarioError
    from loadcore.locustfiles import recognise
    from loadcore.wording import extras

    old = recognise.look(path).old
    if old:
        names = " and ".join(old)
        now = ", ".join(f"{name} is now {recognise.BEFORE_1_0[name]}" for name in old)
        hint = f"{now}; see the changelog of Locust 1.0"
        raise ScenarioError(
            [Problem(f"the file was written for Locust before 1.0: it uses {names}", at=path.name, hint=hint)]
        )
    if util.find_spec("locust") is None:
        hint = f"install it beside loadcore: {extras.install_command('locust')}"
        raise ScenarioError([Problem("this is a Locust file, and Locust is not installed", at=path.name, hint=hint)])


def _rules(plan: Plan, facts: dict[str, Any], settings: Settings) -> Sequence[Rule]:
    """What the run is judged by. Locust's own judgement is the default: any failure fails the run."""
    from loadcore.cli.prepare import guards
    from loadcore.compiler.thresholds import compile_thresholds
    from loadcore.judge.thresholds.rule import ANY_ERROR

    given = settings.insisted.get("thresholds")
    if given is not None:
        return compile_thresholds(plan, (), (), given.value, guards(settings))
    of_file = (ANY_ERROR,) if facts["exit_code_on_error"] else ()
    rules = compile_thresholds(plan, (), of_file, (), guards(settings))
    return [replace(rule, default=True) if rule.expression == ANY_ERROR else rule for rule in rules]

"""`loadcore doctor`: compares what a load needs with what this machine has."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from loadcore.cli import option_groups, options
from loadcore.cli.console import Console, standard
from loadcore.cli.option_values import setting, source_of
from loadcore.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.machine.client_limits import Finding


@option_groups.takes(option_groups.Output)
def command(
    context: typer.Context,
    scenario: Annotated[str | None, typer.Argument(hidden=True)] = None,
    users: options.NumberOfUsers = 100,
    rate: options.Rate = None,
    new_connections: Annotated[
        str | None,
        typer.Option(
            "--new-connections",
            metavar="RATE",
            callback=setting("rate"),
            help="Connections opened and closed per second.",
        ),
    ] = None,
    target_pid: options.TargetPid = None,
    workers: options.Workers = None,
) -> int:
    """Checks this machine for a load, as client and as target. Exit code 104: a run would be refused."""
    from loadcore.machine.client_limits import Needs, default_workers, look, look_at_machine, look_at_workers
    from loadcore.machine.host import read_limits
    from loadcore.machine.target_limits import Serving, look_as_target
    from loadcore.wording.units import parse_rate

    if scenario is not None:
        message = "doctor takes a number of users or a rate, not a scenario"
        hint = f"loadcore doctor --users 1000; to measure what a scenario costs: loadcore calibrate {scenario}"
        raise UsageError(message, hint=hint)
    if rate is not None and _is_asked(context, rate):
        users = _users_of(rate)
    shares = int(workers) if workers else default_workers(users)
    opened_per_s = parse_rate(new_connections).per_second if new_connections else 0.0
    limits = read_limits()
    needed = [look_at_workers(shares, limits)]
    if needed[0].ok:
        connections = tuple(len(range(share, users, shares)) for share in range(shares))
        needed = look(Needs(connections, opened_per_s, loopback=True), limits)
    known = look_at_machine(limits)
    serving = look_as_target(Serving(users, opened_per_s, target_pid, _open_files(target_pid)), limits)
    refused = [finding for finding in needed if not finding.ok]
    exit_code = ExitCode.CONFIG if refused else ExitCode.PASS
    console = standard(context.params["color"])
    if context.params["as_json"]:
        document = {
            "users": users,
            "workers": shares,
            "needed": [asdict(finding) for finding in needed],
            "target": [asdict(finding) for finding in serving],
            "machine": [asdict(finding) for finding in known],
            "refused": bool(refused),
            "exit_code": exit_code,
        }
        console.result(json.dumps(document, indent=2))
        return exit_code
    parts = {
        f"checked for {users:,} users in {shares} worker{'s' if shares > 1 else ''}": needed,
        "as the target (on another machine: run this command there)": serving,
        "this machine": known,
    }
    console.result(_text(console, parts, len(refused)))
    return exit_code


def _is_asked(context: typer.Context, rate: str) -> bool:
    """Whether the rate counts: a number of users on the command line takes the place of one in the environment."""
    sources = {
        option.name: source_of(context, option, context.params[option.name])
        for option in context.command.params
        if option.name in {"users", "rate"}
    }
    if sources["users"] and sources["rate"] == "--rate":
        raise UsageError("--users and --rate exclude each other", hint=f"loadcore doctor --rate {rate}")
    return not sources["users"]


def _open_files(pid: int | None) -> int | None:
    """The limit of a target that runs, if one is named."""
    from loadcore.machine.host import open_files_of

    if pid is None:
        return None
    limit = open_files_of(pid)
    if limit is None:
        raise UsageError(f"could not find process {pid}", hint="if another user owns it, run this as root")
    return limit


def _users_of(rate: str) -> int:
    """The users that a run at that rate must have room for, unless it says otherwise."""
    from loadcore.compiler import compile_plan
    from loadcore.machine.needs import expected_users
    from loadcore.scenario.http import get
    from loadcore.scenario.load_models import arrival_rate
    from loadcore.scenario.scenario import Scenario

    asked = Scenario("doctor", base_url="http://127.0.0.1", load=arrival_rate(rate, duration="1s"), steps=[get("/")])
    return expected_users(compile_plan([asked]))


def _text(console: Console, parts: "Mapping[str, Sequence[Finding]]", refused: int) -> str:
    """One line per finding, with the remedy below those that fall short. Those of the first part refuse a run."""
    from loadcore.report.layout import Cell, Role, sentence
    from loadcore.report.numbers import regrouped

    page = console.page()
    glyphs = page.glyphs
    lines: list[str] = []
    for number, (title, findings) in enumerate(parts.items()):
        lines += sentence(Cell(""), regrouped(title, glyphs), page)
        worse = Role.WARNING if number else Role.BAD
        for finding in findings:
            mark, role = (glyphs.good, Role.GOOD) if finding.ok else (glyphs.bad, worse)
            lines += sentence(Cell(f"{mark} ", role), regrouped(finding.message, glyphs), page)
            if not finding.ok and finding.remedy:
                lines += sentence(Cell(f"    {glyphs.arrow} "), regrouped(finding.remedy, glyphs), page)
    end = (
        f"exit {ExitCode.CONFIG} (loadcore would refuse a run)"
        if refused
        else f"exit {ExitCode.PASS} (a run can start)"
    )
    return "\n".join([*lines, *sentence(Cell(""), end, page)])

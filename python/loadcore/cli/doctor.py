"""`loadcore doctor`: what a load needs of this machine, held against what there is."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from loadcore.cli.console import Console, standard
from loadcore.cli.options import Color, ColorChoice, Json, Workers, valid_rate
from loadcore.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.preflight import Finding


def command(
    users: Annotated[int, typer.Option("--users", "-u", min=1, metavar="NUMBER", help="Users at once.")] = 100,
    rate: Annotated[
        str | None,
        typer.Option("--rate", metavar="RATE", callback=valid_rate, help="Or iterations started per second."),
    ] = None,
    new_connections: Annotated[
        str | None,
        typer.Option(
            "--new-connections", metavar="RATE", callback=valid_rate, help="Connections opened and closed per second."
        ),
    ] = None,
    workers: Workers = None,
    as_json: Json = False,
    color: ColorChoice = Color.AUTO,
) -> int:
    """Checks this machine for a load. Exit code 104: a run with this load would be refused."""
    from loadcore.machine import read_limits
    from loadcore.preflight import Needs, default_workers, look, look_at_machine
    from loadcore.units import parse_rate

    if rate is not None:
        users = _users_of(rate)
    shares = workers or default_workers(users)
    connections = tuple(len(range(share, users, shares)) for share in range(shares))
    opened_per_s = parse_rate(new_connections).per_second if new_connections else 0.0
    limits = read_limits()
    needed = look(Needs(connections, opened_per_s, loopback=True), limits)
    known = look_at_machine(limits)
    refused = [finding for finding in needed if not finding.ok]
    exit_code = ExitCode.CONFIG if refused else ExitCode.PASS
    console = standard(color)
    if as_json:
        document = {
            "users": users,
            "workers": shares,
            "needed": [asdict(finding) for finding in needed],
            "machine": [asdict(finding) for finding in known],
            "refused": bool(refused),
            "exit_code": exit_code,
        }
        console.result(json.dumps(document, indent=2))
        return exit_code
    console.result(_text(console, needed, known, f"{users:,} users in {shares} worker{'s' if shares > 1 else ''}"))
    return exit_code


def _users_of(rate: str) -> int:
    """The users that a run at that rate may have, unless it says otherwise."""
    from loadcore.compiler import compile  # noqa: A004
    from loadcore.http import get
    from loadcore.load import arrival_rate
    from loadcore.scenario import Scenario

    asked = Scenario("doctor", base_url="http://127.0.0.1", load=arrival_rate(rate, duration="1s"), steps=[get("/")])
    return compile([asked]).document["scenarios"][0]["load"]["max_users"]


def _text(console: Console, needed: "Sequence[Finding]", known: "Sequence[Finding]", load: str) -> str:
    """One line a finding, the remedy below those that do not suffice."""
    from loadcore.report.layout import Cell, Role, sentence
    from loadcore.report.numbers import regrouped

    page = console.page()
    glyphs = page.glyphs
    lines = sentence(Cell(""), regrouped(f"checked for {load}", glyphs), page)
    for finding in (*needed, *known):
        refuses = not finding.ok and finding in needed
        mark, role = (glyphs.good, Role.GOOD) if finding.ok else (glyphs.bad, Role.BAD if refuses else Role.WARNING)
        lines += sentence(Cell(f"{mark} ", role), regrouped(finding.message, glyphs), page)
        if not finding.ok and finding.remedy:
            lines += sentence(Cell(f"    {glyphs.arrow} "), regrouped(finding.remedy, glyphs), page)
    count = sum(not finding.ok for finding in needed)
    end = f"exit {ExitCode.CONFIG} (a run would be refused)" if count else f"exit {ExitCode.PASS} (a run can start)"
    return "\n".join([*lines, *sentence(Cell(""), end, page)])

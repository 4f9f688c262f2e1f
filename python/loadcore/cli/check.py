"""`loadcore check SCENARIO`: what would be done, and whether it would work."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadcore import config
from loadcore.cli.console import Console, standard
from loadcore.cli.options import (
    Color,
    ColorChoice,
    Duration,
    Env,
    Host,
    Iterations,
    Json,
    MaxUsers,
    Rate,
    Scenario,
    Seed,
    Threshold,
    Users,
    WarmUp,
)
from loadcore.cli.prepare import Prepared, load_file, prepare
from loadcore.cli.settings import gather
from loadcore.errors import ExitCode, PlanError

if TYPE_CHECKING:
    from loadcore.results.run import Run


def command(
    context: typer.Context,
    scenario: Scenario,
    dry: Annotated[bool, typer.Option("--dry", help="Send nothing.")] = False,
    users: Users = None,
    rate: Rate = None,
    max_users: MaxUsers = None,
    duration: Duration = None,
    iterations: Iterations = None,
    warm_up: WarmUp = None,
    host: Host = None,
    env: Env = [],
    threshold: Threshold = [],
    seed: Seed = None,
    as_json: Json = False,
    color: ColorChoice = Color.AUTO,
) -> int:
    """Prints the plan of a scenario, where each setting comes from, and sends one user through it once."""
    from loadcore.engine import check_plan

    given = {
        "users": users,
        "rate": rate,
        "max_users": max_users,
        "duration": duration,
        "iterations": iterations,
        "warm_up": warm_up,
        "host": host,
        "env": env,
        "thresholds": threshold,
        "seed": seed,
    }
    settings = gather(context, given, config.load(Path.cwd()))
    file = load_file(scenario, settings)
    prepared = prepare(file, settings)
    problems = check_plan(prepared.plan.to_json())
    if problems:
        raise PlanError(problems)
    console = standard(color)
    if as_json:
        console.result(json.dumps(_document(prepared), indent=2, ensure_ascii=False))
    else:
        console.result(_text(prepared, console))
    return ExitCode.PASS if dry else _send_once(prepare(file, settings, once=True), console)


def _document(prepared: Prepared) -> dict[str, object]:
    return {
        "plan": prepared.plan.redacted(),
        "plan_sha256": prepared.plan.digest,
        "thresholds": [rule.expression for rule in prepared.rules],
        "sources": {name: setting.source for name, setting in prepared.sources.items()},
    }


def _text(prepared: Prepared, console: Console) -> str:
    from loadcore.report.plan_text import Source, render, settings_of

    page = console.page()
    plan = prepared.plan.redacted()
    sources = {name: setting.source for name, setting in prepared.sources.items()}
    settings = settings_of(plan, sources, page)
    settings += [Source("threshold", rule.expression, sources["thresholds"]) for rule in prepared.rules]
    return render(plan, settings, page)


def _send_once(prepared: Prepared, console: Console) -> int:
    """One user, one iteration. What came back is told on stderr: the result is the plan."""
    from loadcore.run import run_plan

    with tempfile.TemporaryDirectory(prefix="loadcore-check-") as folder:
        run = run_plan(prepared.plan, prepared.rules, workers=1, out=Path(folder) / "run")
        console.note("\nsent once:")
        failed = _tell(run, console)
    if failed:
        console.error(f"{failed} of the requests failed", "the plan is sound; look at the target, or use --dry")
        return ExitCode.THRESHOLD_CROSSED
    return ExitCode.PASS


def _tell(run: "Run", console: Console) -> int:
    """A line for each request in the order it was sent. Gives the number of errors."""
    from loadcore.report import numbers
    from loadcore.report.glyphs import printable

    glyphs = console.err_page().glyphs
    rows = sorted(run.requests.select(["offset_ns", "step", "outcome", "status", "service_ns", "error"]).to_pylist(),
                  key=lambda row: row["offset_ns"])  # fmt: skip
    for row in rows:
        mark = glyphs.bad if row["error"] else glyphs.good
        came = row["status"] if row["outcome"] == "ok" else row["outcome"]
        time = numbers.duration(row["service_ns"], glyphs)
        console.note(f" {mark} {printable(row['step'], glyphs)} {glyphs.arrow} {came} in {time}")
    if not rows:
        console.error("no request was sent", "look at the scenario's steps and feeders")
        return 1
    return sum(row["error"] for row in rows)

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
    Workers,
)
from loadcore.cli.prepare import Prepared, load_file, prepare
from loadcore.cli.settings import Setting, Settings, gather
from loadcore.errors import ExitCode

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
    workers: Workers = None,
    seed: Seed = None,
    as_json: Json = False,
    color: ColorChoice = Color.AUTO,
) -> int:
    """Prints a scenario's plan and tries it once.

    Each setting is shown with where it comes from. Then one user is sent through the scenario once. Exit code 99: a
    request failed, a check does not hold, or the user did not reach the end.
    """
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
        "workers": workers,
        "seed": seed,
    }
    settings = gather(context, given, config.load(Path.cwd()))
    file = load_file(scenario, settings)
    prepared = prepare(file, settings)
    console = standard(color)
    if as_json:
        console.result(json.dumps(_document(prepared), indent=2, ensure_ascii=False))
    else:
        console.result(_text(prepared, settings, console))
    return ExitCode.PASS if dry else _send_once(prepare(file, settings, once=True), console)


def _document(prepared: Prepared) -> dict[str, object]:
    return {
        "plan": prepared.plan.redacted(),
        "plan_sha256": prepared.plan.digest,
        "thresholds": [rule.expression for rule in prepared.rules],
        "sources": {name: setting.source for name, setting in prepared.sources.items()},
    }


def _text(prepared: Prepared, settings: Settings, console: Console) -> str:
    from loadcore.report.plan_text import Source, render, settings_of

    page = console.page()
    plan = prepared.plan.redacted()
    sources = {name: setting.source for name, setting in prepared.sources.items()}
    settings_shown = settings_of(plan, sources, page)
    settings_shown += [
        Source("threshold", rule.expression, "default" if rule.default else sources["thresholds"])
        for rule in prepared.rules
    ]
    workers = settings.either("workers", Setting(None, "default"))
    shown = "one for each core" if workers.value is None else str(workers.value)
    settings_shown.append(Source("workers", shown, workers.source))
    return render(plan, settings_shown, page)


def _send_once(prepared: Prepared, console: Console) -> int:
    """One user, one iteration. What came back is told on stderr: the result is the plan."""
    from loadcore.run import run_plan

    with tempfile.TemporaryDirectory(prefix="loadcore-check-") as folder:
        run = run_plan(prepared.plan, prepared.rules, workers=1, out=Path(folder) / "run")
        console.note("\nsent once:")
        failed = _tell(run, console)
        unmet = unmet_of(run)
    for sentence in unmet:
        console.error(sentence)
    if failed:
        console.error(f"{failed} of the requests failed", "the plan is sound; look at the target, or use --dry")
    return ExitCode.THRESHOLD_CROSSED if failed or unmet else ExitCode.PASS


def unmet_of(run: "Run") -> list[str]:
    """A sentence for each check that does not hold, and one if the user did not reach the end though all answered."""
    from loadcore.results.failures import why_iterations_failed
    from loadcore.results.opening import read_start, totals_of
    from loadcore.results.run_folder import RunFolder
    from loadcore.results.totals import PHASES

    folder = RunFolder(run.path)
    start = read_start(folder)
    whole = totals_of(folder, start).over(*PHASES)
    sentences = []
    for (scenario, step, name), check in whole.checks.items():
        if check.failed and (scenario, step, name) in start.stopping:
            ends = "it ends the iteration, and what follows was not tried"
            sentences.append(f"the check `{name}` of {step} does not hold: {ends}")
        elif check.failed:
            sentences.append(f"the check `{name}` of {step} does not hold")
    answered = not any(step.errors for step in whole.steps.values())
    for name, totals in whole.scenarios.items():
        if totals.iterations_failed and answered and not sentences:
            cause = why_iterations_failed(start, name, whole) or "it is not known why"
            sentences.append(f"{name} did not reach its end: {cause}")
    return sentences


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

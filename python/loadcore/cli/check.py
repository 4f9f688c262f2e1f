"""`loadcore check SCENARIO`: what would be done, and whether it would work."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from loadcore.cli import option_groups, options
from loadcore.cli.console import Console, standard
from loadcore.cli.finish import end_with
from loadcore.cli.options import Color
from loadcore.cli.prepare import Prepared, load_file, prepare
from loadcore.cli.settings import Setting, Settings, gather
from loadcore.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from loadcore.report.plan_text import Source
    from loadcore.results.attempt import Attempt


@option_groups.takes(option_groups.Load, option_groups.Judging, option_groups.Processes, option_groups.Output)
def command(
    context: typer.Context,
    scenario: options.Scenario,
    send: Annotated[
        bool, typer.Option("--send", help="Send one user through it, taking each option of a choice once.")
    ] = False,
    verbose: options.Verbose = False,
    dry: Annotated[bool, typer.Option("--dry", hidden=True)] = False,
) -> int:
    """Prints a scenario's plan, and with --send tries it.

    Each setting is shown with where it comes from. Nothing is sent unless --send is given: then one user goes through
    the scenario, and what fails is shown with its request line, the head and the beginning of its response, and what
    was found there. Exit code 99: a request failed, a check does not hold, or the user did not reach the end.
    """
    if dry and send:
        raise UsageError("--send and --dry contradict each other", hint="remove --dry: nothing is sent without --send")
    if verbose and not send:
        raise UsageError("-v shows requests and responses, but nothing is sent", hint="add --send")
    settings = gather(context)
    if context.obj is not None:
        from loadcore.cli.locust_check import check

        console = standard(settings.get("color", Color.AUTO))
        return check(context.obj, settings, console, as_json=context.params["as_json"], send=send)
    file = load_file(scenario, settings)
    prepared = prepare(file, settings)
    console = standard(settings.get("color", Color.AUTO))
    for script in prepared.plan.document.get("scripts", ()):
        for note in script.get("notes", ()):
            console.note(note)
    attempt = _attempt(prepare(file, settings, once=True), console) if send else None
    if context.params["as_json"]:
        sent = {} if attempt is None else {"sent": attempt.to_dict(verbose=verbose)}
        result = json.dumps({**_document(prepared), **sent}, indent=2, ensure_ascii=False)
    else:
        result = _text(prepared, settings, console)
        if attempt is not None:
            result = f"{result}\n\n{_sent(attempt, console, verbose=verbose)}"
    return end_with(result, console, ExitCode.PASS if attempt is None else _exit_code(attempt))


def _attempt(once: Prepared, console: Console) -> "Attempt":
    from loadcore.cli.attempt import attempt

    console.note(f"sending one user to {once.target} …")
    return attempt(once)


def _exit_code(attempt: "Attempt") -> int:
    if attempt.interrupted is not None:
        return attempt.interrupted
    return ExitCode.THRESHOLD_CROSSED if attempt.findings else ExitCode.PASS


def _sent(attempt: "Attempt", console: Console, *, verbose: bool) -> str:
    from loadcore.report import attempt_text

    page = console.page()
    blocks = (
        attempt_text.requests(attempt.sent, attempt.iterations, page, verbose=verbose),
        attempt_text.untried(attempt.untried, page),
        attempt_text.findings(attempt.findings, page),
    )
    return "\n\n".join("\n".join(block).rstrip("\n") for block in blocks if block)


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
    settings_shown.append(_disk(prepared, workers.value))
    return render(plan, settings_shown, page)


def _disk(prepared: Prepared, workers: int | None) -> "Source":
    """What a run will take on the disk."""
    from loadcore.calibration.disk import ROW_BYTES, disk_of
    from loadcore.processes.launch import workers_of
    from loadcore.report.numbers import size
    from loadcore.report.plan_text import Source

    takes = disk_of(prepared.plan, workers_of(prepared.plan, workers))
    return Source("disk", f"{ROW_BYTES} B a request" if takes is None else f"up to {size(takes)}", "estimate")

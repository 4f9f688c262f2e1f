"""Runs a plan for a command: shows it, prints its report, and returns the exit code."""

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from loadcore.cli.console import Console, standard
from loadcore.cli.finish import finish, lenient
from loadcore.cli.notes import notes_of
from loadcore.cli.options import Color, Progress
from loadcore.cli.prepare import Prepared
from loadcore.cli.run_documents import RunDocuments, tell_github
from loadcore.cli.settings import Settings
from loadcore.cli.target_look import look_of
from loadcore.cli.telemetry import exporters_of
from loadcore.cli.typed import typed
from loadcore.cli.views import view_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.cluster.placement import Cluster
    from loadcore.judge.headroom import Headroom
    from loadcore.live.listeners import Listener
    from loadcore.processes.assignment import Placement
    from loadcore.results.open.run import Run


@dataclass(frozen=True, slots=True)
class Output:
    """How a run is shown and judged.

    Attributes:
        console: Where it is printed.
        progress: How it is shown while it runs.
        as_json: Whether the result is one JSON document.
        strict_client: Whether a client that was the bottleneck decides the exit code.
        documents: What is written of it.
        ui: Whether it is shown in the browser, too.
        command: What was typed, without secrets.
        cluster: The machines that it runs on; None for this one.
    """

    console: Console
    progress: Progress
    as_json: bool = False
    strict_client: bool = True
    documents: RunDocuments = field(default_factory=RunDocuments)
    ui: bool = False
    command: str | None = None
    cluster: "Cluster | None" = None

    @classmethod
    def of(cls, context: typer.Context, settings: Settings) -> "Output":
        """As the options of a command that runs something say, and a file.

        Raises:
            UsageError: A document cannot be written, or the packages that serve the page are not installed.
        """
        documents = RunDocuments.of(settings.get)
        if context.params["ui"]:
            from loadcore.cli.ui import require_extra

            require_extra()
        return cls(
            standard(settings.get("color", Color.AUTO), quiet=context.params["quiet"]),
            Progress(settings.get("progress", Progress.AUTO)),
            as_json=context.params["as_json"],
            strict_client=settings.get("strict_client", default=True),
            documents=documents,
            ui=context.params["ui"],
            command=typed(context),
        )


def execute(prepared: Prepared, settings: Settings, output: Output, *, calibrated: bool = False) -> int:
    """Runs what was prepared and prints the report. Gives back the exit code.

    Args:
        prepared: What is run.
        settings: Of the command.
        output: How it is shown.
        calibrated: Whether a rate that may be too much for this machine is measured first.
    """
    for note in notes_of(prepared, settings):
        output.console.note(note)
    headroom = headroom_of(prepared, settings, output) if calibrated else None
    run = start(prepared, settings, output, headroom)
    exit_code = int(run.exit_code) if output.strict_client else lenient(run.summary)
    lost = output.documents.write(run, output.console)
    tell_github([run.summary], output.console)
    return finish(output.console, run.path, run.summary, exit_code, as_json=output.as_json) or lost


def headroom_of(prepared: Prepared, settings: Settings, output: Output) -> "Headroom | None":
    """What this machine can drive, measured first; None where no rate is asked for that may be too much."""
    from loadcore.calibration.asked import arrivals_per_s

    if output.cluster is not None or prepared.plan.scripted() or not arrivals_per_s(prepared.plan):
        return None
    from loadcore.calibration.before import before

    return before(prepared.plan, settings.get("workers"), output.console.note)


def tags_of(given: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    """Tags as a file has them, or as the command line does: `build=17`."""
    if isinstance(given, Mapping):
        return dict(given)
    pairs = (each.partition("=") for each in given or ())
    return {key.strip(): value.strip() for key, _, value in pairs}


def start(prepared: Prepared, settings: Settings, output: Output, headroom: "Headroom | None" = None) -> "Run":
    """Runs what was prepared while it is shown, and prints nothing at its end."""
    from loadcore.live.heading import Heading
    from loadcore.processes.launch import run_plan

    plan, code = prepared.plan, prepared.code
    heading = Heading(plan.name, prepared.target)
    view = view_for(output.progress, output.console, heading)
    tell = output.console.note if view is None else view.on_message
    exporters = exporters_of(settings, plan.name, output.console, tell)
    listeners: list[Listener] = [*exporters] if view is None else [view, *exporters]
    if output.ui:
        from loadcore.live.web.beside import PageBeside

        listeners.append(PageBeside(tell))
    try:
        with placed(output.cluster) as placement:
            return run_plan(
                plan,
                prepared.rules,
                workers=settings.get("workers") if code is None else code.workers,
                out=settings.get("out"),
                listeners=listeners,
                allow_lost_workers=settings.get("allow_lost_workers", default=False),
                look=look_of(settings),
                headroom=headroom,
                command=output.command,
                tags=tags_of(settings.get("tags")),
                trace_url=settings.get("trace_url"),
                placement=placement,
                program=None if code is None else code.program,
                start_beside=None if code is None else code.start_beside,
            )
    finally:
        if view is not None:
            view.close()
        for each in exporters:
            each.close()


@contextmanager
def placed(cluster: "Cluster | None") -> "Iterator[Placement | None]":
    """Where the workers will be: on the nodes of a cluster, or None for this machine."""
    if cluster is None:
        yield None
        return
    from loadcore.cluster.placement import connected

    with connected(cluster) as placement:
        yield placement

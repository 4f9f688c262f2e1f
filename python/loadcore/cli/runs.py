"""`loadcore runs …`: lists runs and removes old ones."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadcore.cli import option_groups
from loadcore.cli.console import standard
from loadcore.cli.option_values import checked, pairs
from loadcore.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.results.open.catalogue import Listed

_NS_PER_DAY = 86_400_000_000_000

app = typer.Typer(help="Lists runs, and removes old ones.", no_args_is_help=True, rich_markup_mode=None)


def age(text: str) -> int:
    """Nanoseconds of `7d`, `12h`.

    Raises:
        ValueError: It is not an age.
    """
    from loadcore.wording.units import parse_duration

    days = re.fullmatch(r"(\d+)d", text.strip())
    return int(days[1]) * _NS_PER_DAY if days else parse_duration(text)


Folder = Annotated[
    Path | None,
    typer.Option(
        "--in", metavar="FOLDER", envvar="LOADCORE_RUNS_IN", help="The folder that runs are in; runs/ by default."
    ),
]
OlderThan = Annotated[
    str | None,
    typer.Option("--older-than", metavar="AGE", callback=checked(age), help="Those that began longer ago: 7d, 12h."),
]

Tagged = Annotated[
    list[str],
    # Unlike the option of `run`, it does not read LOADCORE_TAG: `rm` removes nothing that no one named.
    typer.Option(
        "--tag",
        metavar="KEY=VALUE",
        callback=checked(pairs("=", "build=17")),
        help="Those that have this tag. May be repeated: those that have all.",
    ),
]


@app.command("list")
@option_groups.takes(option_groups.Output)
def list_command(context: typer.Context, folder: Folder = None, tags: Tagged = [], older_than: OlderThan = None) -> int:
    """Lists runs, the newest first."""
    console = standard(context.params["color"])
    found = _found(folder, tags, older_than)
    if context.params["as_json"]:
        from loadcore.report import json

        console.result(json.render({"runs": [run.to_dict() for run in found]}))
        return ExitCode.PASS
    from loadcore.report import catalogue

    console.result("\n".join(catalogue.render(found, console.page())))
    return ExitCode.PASS


@app.command("rm")
@option_groups.takes(option_groups.Output)
def remove_command(
    context: typer.Context,
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Folders, ids or beginnings of ids, or latest.")
    ] = [],
    folder: Folder = None,
    tags: Tagged = [],
    older_than: OlderThan = None,
    keep_newest: Annotated[
        int | None, typer.Option("--keep-newest", min=0, metavar="NUMBER", help="All but the newest of those.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> int:
    """Removes runs: those that are named, or all that --older-than, --tag and --keep-newest leave.

    Baselines keep their numbers. A run in progress is never removed.
    """
    from loadcore.results.open.catalogue import remove, require_removable
    from loadcore.results.run_folder import DEFAULT_ROOT

    chosen = bool(tags) or older_than is not None or keep_newest is not None
    if bool(runs) == chosen:
        hint = "runs rm 01JD9K, or runs rm --older-than 7d"
        raise UsageError("name runs, or say which: --older-than, --tag, --keep-newest", hint=hint)
    console = standard(context.params["color"])
    if runs:
        found = _named(runs, folder or DEFAULT_ROOT)
    else:
        known = [run for run in _found(folder, tags, older_than) if run.known]
        found = [run for run in known[keep_newest or 0 :] if not run.running]
    require_removable(found)
    if not dry_run:
        remove(found, folder or DEFAULT_ROOT)
    if context.params["as_json"]:
        from loadcore.report import json

        console.result(json.render({"removed": [run.to_dict() for run in found], "dry_run": dry_run}))
        return ExitCode.PASS
    from loadcore.report.numbers import size

    would = "would remove" if dry_run else "removed"
    lines = [f"{would} {run.path} ({size(run.bytes)})" for run in found]
    total = f"{would} {len(found)} run{'' if len(found) == 1 else 's'}, {size(sum(run.bytes for run in found))}"
    console.result("\n".join([*lines, total]))
    return ExitCode.PASS


def _found(folder: Path | None, tags: list[str], older_than: str | None) -> "list[Listed]":
    from loadcore.cli.execute import tags_of
    from loadcore.results.open.catalogue import older_than as older
    from loadcore.results.open.catalogue import runs_in, tagged
    from loadcore.results.run_folder import DEFAULT_ROOT

    root = folder or DEFAULT_ROOT
    if folder is not None and not folder.is_dir():
        raise UsageError(f"--in: the folder {folder} does not exist")
    found = tagged(runs_in(root), tags_of(tags))
    return found if older_than is None else older(found, age(older_than))


def _named(runs: "Sequence[str]", root: Path) -> "list[Listed]":
    from loadcore.results.open.catalogue import listed
    from loadcore.results.open.finding import find_run

    folders = dict.fromkeys(find_run(run, root).resolve() for run in runs)
    return [listed(folder) for folder in folders]

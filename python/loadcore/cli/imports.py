"""`loadcore import KIND FILE`: a scenario out of what you have already."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadcore.cli import options
from loadcore.cli.console import standard
from loadcore.errors import ExitCode, UsageError
from loadcore.wording.refusals import refusing
from loadcore.wording.suggestions import did_you_mean

if TYPE_CHECKING:
    from loadcore.cli.console import Console
    from loadcore.imports.draft import Imported
    from loadcore.imports.kinds import Kind


def command(
    kind: Annotated[str, typer.Argument(help="har, openapi, postman, curl or k6-options.")],
    file: Annotated[str, typer.Argument(help="The file to import; - for stdin.")],
    out: Annotated[str | None, typer.Argument(help="The file to write; - for stdout. By default FILE's name.")] = None,
    base_url: options.BaseUrl = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
    think: Annotated[bool, typer.Option("--think", help="HAR: pause as long as the recorded user did.")] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Leave out requests that change something; GET and HEAD remain.")
    ] = False,
) -> int:
    """Writes a scenario from what you have, such as a recording.

    From a HAR, an OpenAPI document, a Postman collection, curl commands or k6 options.
    Credentials become env("NAME") and are in no file. What could not be taken over is listed, and stands as a comment
    where it belongs. Nothing is sent.
    """
    from loadcore.imports.kinds import Kind

    if kind not in list(Kind):
        raise UsageError(
            f'"{kind}" cannot be imported{did_you_mean(kind, list(Kind))}', hint="loadcore import KIND FILE"
        )
    write(Kind(kind), file, out, base_url=base_url, force=force, think=think, read_only=read_only)
    return ExitCode.PASS


def write(
    kind: "Kind | None",
    file: str,
    out: str | None,
    *,
    base_url: str | None = None,
    force: bool = False,
    think: bool = False,
    read_only: bool = False,
) -> None:
    """Imports a file, writes the scenario, and reports the result. The kind is guessed where it is None."""
    from loadcore.imports.documents import read
    from loadcore.imports.kinds import guessed, import_text, written

    path = _path(file, out)
    if path is not None and not path.parent.is_dir():
        raise UsageError(
            f"cannot write {path}: the folder {path.parent} does not exist", hint=f"run mkdir -p {path.parent}"
        )
    if path is not None and os.path.lexists(path) and not force:
        raise UsageError(f"{path} already exists", hint="name another file to write, or add --force")
    text = read(file)
    found = kind or guessed(file, text)
    where = "stdin" if file == "-" else file
    imported = import_text(found, text, where, think=think)
    if read_only:
        from loadcore.imports.settle import keep_reading

        keep_reading(imported)
    if base_url is not None:
        from loadcore.imports.settle import rebase

        rebase(imported, base_url)
    source = written(imported, found, where, "-" if path is None else str(path))
    console = standard()
    if path is None:
        console.result(source.rstrip("\n"))
    else:
        with refusing(f"cannot write {path}"), path.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(source)
        console.result(f"wrote {path}")
    _say(imported, console, path)


def _path(file: str, out: str | None) -> Path | None:
    """Where to write; None for stdout."""
    if out == "-" or (out is None and file == "-"):
        return None
    if out is not None:
        return Path(out if out.endswith(".py") else f"{out}.py")
    from loadcore.imports.names import identifier

    return Path(f"{identifier(Path(file).name.partition('.')[0], 'imported')}.py")


def _say(imported: "Imported", console: "Console", path: Path | None) -> None:
    from loadcore.imports.kinds import base_url_is_missing

    report = imported.report
    unit = report.unit.removesuffix("s") if report.taken == 1 else report.unit
    console.note(f"{report.taken:,} {unit} taken over, {sum(report.left_out.values()):,} left out")
    for reason, count in report.left_out.most_common():
        console.note(f"  left out: {reason} ({count:,})")
    for note in report.notes:
        console.note(f"  {note}")
    console.note("next:")
    for name, what in imported.environment.items():
        console.note(f"  export {name}=…   # {what}")
    shown = path or "FILE"
    base = " --base-url http://…" if base_url_is_missing(imported) else ""
    console.note(f"  loadcore check {shown}{base} --send")
    console.note(f"  loadcore run {shown}{base}")

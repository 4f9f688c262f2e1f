"""`loadcore init`: writes your first scenario."""

import os
from pathlib import Path
from typing import Annotated

import typer

from loadcore.cli import options
from loadcore.cli.console import standard
from loadcore.errors import ExitCode, UsageError
from loadcore.wording.refusals import refusing


def command(
    name: Annotated[str, typer.Argument(help="The file to write.")] = "scenario.py",
    base_url: options.BaseUrl = None,
    script: Annotated[bool, typer.Option("--script", help="Write users in Python instead of declared steps.")] = False,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE", help="Start from a file that `loadcore import` takes; - for stdin."),
    ] = None,
) -> int:
    """Writes a scenario of a few lines that runs as it is. Never overwrites a file."""
    path = Path(name if name.endswith(".py") else f"{name}.py")
    if source is not None:
        if script:
            raise UsageError(
                "--script and --from contradict each other", hint="remove --script: an import declares steps"
            )
        from loadcore.cli.imports import write

        write(None, source, str(path), base_url=base_url)
        return ExitCode.PASS
    _write(path, _scenario(base_url, path.name, "script" if script else "scenario"))
    console = standard()
    console.result(f"wrote {path}")
    console.note("next:")
    if base_url is None:
        console.note("  loadcore target up")
    console.note(f"  loadcore check {path} --send")
    console.note(f"  loadcore run {path}")
    return ExitCode.PASS


def _scenario(base_url: str | None, name: str, kind: str) -> str:
    """The text of the scenario, for the reference gateway or for another target."""
    from importlib.resources import files

    template = f"{kind}.py.txt" if base_url is None else f"{kind}_for_host.py.txt"
    text = files("loadcore.templates").joinpath(template).read_text(encoding="utf-8").replace("scenario.py", name)
    if base_url is None:
        return text
    if '"' in base_url or "\\" in base_url:
        raise UsageError("this is not a base URL", hint="write --base-url as http://127.0.0.1:8000")
    return text.replace("{base_url}", base_url)


def _write(path: Path, text: str) -> None:
    if os.path.lexists(path):
        raise UsageError(f"{path} already exists", hint="choose another name: loadcore init NAME")
    with refusing(f"cannot write {path}"), path.open("x", encoding="utf-8") as file:
        file.write(text)

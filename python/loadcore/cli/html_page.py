"""Writing the page of a run for a command."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from loadcore.cli.console import Console
from loadcore.errors import LoadcoreError, UsageError

if TYPE_CHECKING:
    from loadcore.results.open.run import Run


def require_place(path: Path | None) -> None:
    """Refuses a place that no page can be written to, before a run spends its time.

    Raises:
        UsageError: It is a folder, or its folder is not there or cannot be written to.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"--html: {path} is a folder", hint=f"name a file in it: --html {path / 'report.html'}")
    folder = path.parent
    if not folder.is_dir():
        raise UsageError(f"--html: there is no folder {folder}", hint=f"make it first: mkdir -p {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"--html: {path} cannot be written to", hint="name a file in a folder that you can write to")


def require_extra() -> None:
    """Refuses to serve a page where what serves it is not installed.

    Raises:
        UsageError: It names the packages and the command that installs them.
    """
    from loadcore.wording import extras

    if missing := extras.missing("ui"):
        hint = f"install what it needs: {extras.install_command('ui')}"
        raise UsageError(f"a page in the browser needs {' and '.join(missing)}", hint=hint)


def write_page(console: Console, run: "Run", path: Path) -> LoadcoreError | None:
    """Writes the page of a run and says so. Gives back why it could not be written; then that is printed."""
    from loadcore.cli.finish import path_as_typed
    from loadcore.report import numbers
    from loadcore.report.html.page import render
    from loadcore.results.run_folder import write_durably
    from loadcore.wording.refusals import refusing

    try:
        page = render(run)
        with refusing("cannot write the page", path):
            write_durably(path, page)
    except LoadcoreError as problem:
        console.failure(problem)
        return problem
    console.note(f"wrote {path_as_typed(path.absolute())}, {numbers.size(len(page.encode()))}: open it in a browser")
    return None

"""Documents that a command writes besides its result: a page, a comment, what a CI system reads."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from loadcore.cli.console import Console
from loadcore.errors import LimitsError, Problem, UsageError


def require_places(places: Mapping[str, Path | None]) -> None:
    """Refuses places that nothing can be written to, before a run spends its time.

    Args:
        places: The file that each option names.

    Raises:
        UsageError: One of them is a folder, or its folder is not there or cannot be written to, or two are the same.
    """
    given = {option: path for option, path in places.items() if path is not None}
    for option, path in given.items():
        if str(path) == "-":
            raise UsageError(f"{option}: - is not a file", hint=f"print it in place of a file: {option} /dev/stdout")
        if path.is_dir():
            raise UsageError(f"{option}: {path} is a folder", hint=f"name a file in it: {option} {path / 'FILE'}")
        if not path.parent.is_dir():
            raise UsageError(
                f"{option}: the folder {path.parent} does not exist", hint=f"create it: mkdir -p {path.parent}"
            )
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            hint = "name a file in a folder that you can write to"
            raise UsageError(f"{option}: {path} cannot be written to", hint=hint)
    for option, path in given.items():
        others = [other for other, its in given.items() if other != option and its.absolute() == path.absolute()]
        if others:
            raise UsageError(f"{option} and {others[0]} name the same file: {path}")


def write(console: Console, option: str, path: Path, content: str) -> LimitsError | None:
    """Writes a document and says so. Gives back why it could not be written; then that is printed."""
    from loadcore.results.run_folder import write_durably

    return write_by(console, option, path, lambda: write_durably(path, content))


def write_by(console: Console, option: str, path: Path, writes: Callable[[], object]) -> LimitsError | None:
    """As `write`, of what writes by itself."""
    from loadcore.cli.finish import path_as_typed
    from loadcore.wording.refusals import refusal

    try:
        writes()
    except OSError as problem:
        what = f"{option}: cannot write {path}"
        lost = refusal(problem, what, path) or LimitsError([Problem(f"{what}: {problem}")])
        console.failure(lost)
        return lost
    console.note(f"wrote {path_as_typed(path.absolute())}")
    return None

"""Opening a run: one that has ended, one that goes on, one that was killed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loadcore.errors import ResultsError

if TYPE_CHECKING:
    import os

    from loadcore.results.open.run import Run

_NEWEST = Path("runs/latest")

# This module is imported with the package, so what reads Arrow is imported by those who call it.


def load(path: str | os.PathLike[str]) -> Run:
    """Open the run in a folder, whatever state it is in.

    Args:
        path: The run's folder, or a file in it.

    Raises:
        ResultsError: There is no run.
    """
    from loadcore.results.open.opening import open_run  # noqa: PLC0415 - see above

    place = Path(path)
    folder = place.parent if place.is_file() else place
    if not folder.is_dir():
        raise ResultsError(f"there is no run folder {place}", hint=_where_runs_are(place))
    return open_run(folder.resolve())


def _where_runs_are(place: Path) -> str:
    """What to do where a run was looked for in vain."""
    if _NEWEST.is_dir() and place != _NEWEST:
        return f"the newest run of this folder is {_NEWEST}"
    return "no run was made in this folder: name a run folder of another one, or make a run: loadcore run SCENARIO"

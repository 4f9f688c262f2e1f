"""Which folder is meant by the name of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loadcore.errors import ResultsError
from loadcore.results.run_folder import DEFAULT_ROOT

if TYPE_CHECKING:
    import os

_SHOWN = 4


def find_run(run: str | os.PathLike[str], root: Path = DEFAULT_ROOT) -> Path:
    """The folder of a run: a path to it or to a file in it, the run's id, the beginning of one, or `latest`.

    A path that exists is that path.

    Args:
        run: What names it.
        root: Where ids and `latest` are looked for.

    Raises:
        ResultsError: The run does not exist, or several match.
    """
    place = Path(run)
    if place.is_file():
        return place.parent
    if place.is_dir():
        return place
    word = str(place)
    found = _called(word, root) if place.name == word else []
    if not found:
        raise ResultsError(f"the run folder {place} does not exist", hint=_where_runs_are(place, root))
    if len(found) > 1:
        more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        names = ", ".join(each.name for each in found[:_SHOWN])
        raise ResultsError(
            f'the ids of {len(found)} runs begin with "{word}": {names}{more}', hint="give more of the id"
        )
    return found[0]


def _called(word: str, root: Path) -> list[Path]:
    """The runs of that folder that this word may mean."""
    if (root / word).is_dir():
        return [root / word]
    return sorted(each for each in root.glob("*") if each.name.startswith(word.upper()) and each.is_dir())


def _where_runs_are(place: Path, root: Path) -> str:
    """What to do where a run was looked for in vain."""
    newest = root / "latest"
    if newest.is_dir() and place != newest:
        return f"the newest run here is {newest}"
    return "this folder has no runs: name a run folder, or start a run: loadcore run SCENARIO"

"""The runs of one side of a comparison: a folder, a folder of run folders, a pattern, a baseline."""

from __future__ import annotations

import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from loadcore.comparison import baseline
from loadcore.errors import ResultsError
from loadcore.results.open.finding import find_run
from loadcore.results.open.opening import open_run
from loadcore.results.open.run import Run
from loadcore.results.run_folder import RunFolder

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    Given = str | os.PathLike[str] | Run

_UNUSABLE = {
    "invalid": "the measurement is invalid",
    "no_data": "nothing was measured",
    "interrupted": "it was interrupted",
    "running": "it is still running",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """A run as far as it is compared.

    Attributes:
        name: What it is called: its folder, or its id.
        summary: Its summary.
        plan: Its plan as it was stored, if that is at hand.
    """

    name: str
    summary: Mapping[str, Any]
    plan: Path | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A run that is not compared, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Side:
    """One set of runs.

    Attributes:
        label: As the user named it.
        runs: Those that are compared.
        left_out: Those that are not.
    """

    label: str
    runs: Sequence[Compared]
    left_out: Sequence[LeftOut] = field(default=())


def side_of(given: Given | Iterable[Given], label: str | None = None) -> Side:
    """The runs that are meant.

    Args:
        given: A run, its folder or id, a folder of run folders, a pattern of folders, `baseline:NAME`, or several.
        label: What the side is called, in place of what was given.

    Raises:
        ResultsError: The runs do not exist.
    """
    several: list[Given] = [given] if _is_one(given) else list(given)  # type: ignore[arg-type]
    found = [run for each in several for run in _runs_of(each)]
    name = f"{len(found)} runs" if len(several) > 1 else _name_of(several[0])
    twice = [run for place, run in enumerate(found) if _id(run) in {_id(other) for other in found[:place]}]
    once = [run for run in found if run not in twice]
    return Side(
        label or name,
        [run for run in once if _reason(run) is None],
        [LeftOut(run.name, reason) for run in once if (reason := _reason(run)) is not None],
    )


def _is_one(given: Given | Iterable[Given]) -> TypeGuard[Given]:
    return isinstance(given, str | Run) or hasattr(given, "__fspath__")


def _name_of(given: Given) -> str:
    return given.path.name if isinstance(given, Run) else str(given)


def _id(run: Compared) -> str:
    return str(run.summary["run_id"])


def _runs_of(given: Given) -> list[Compared]:
    if isinstance(given, Run):
        return [_compared(given)]
    text = str(given)
    if text.startswith(baseline.PREFIX):
        name = text.removeprefix(baseline.PREFIX)
        return [Compared(str(each["run_id"]), each) for each in baseline.load(name)]
    return [_compared(open_run(folder.resolve())) for folder in _folders(text)]


def _folders(text: str) -> list[Path]:
    """The run folders that a name means."""
    place = Path(text)
    if not place.exists() and glob.has_magic(text):
        found = [Path(each) for each in sorted(glob.glob(text))]  # noqa: PTH207 - patterns may be absolute
        runs = [each for each in found if RunFolder(each).start.is_file()]
        if not runs:
            raise ResultsError(f"no run folder matches {text}", hint="quote the pattern, and look at it with ls")
        return runs
    if place.is_dir() and not RunFolder(place).start.is_file():
        inside = sorted(each for each in place.iterdir() if RunFolder(each).start.is_file() and not each.is_symlink())
        if inside:
            return inside
    return [find_run(text)]


def _compared(run: Run) -> Compared:
    plan = RunFolder(run.path).plan
    return Compared(run.path.name, run.summary, plan if plan.is_file() else None)


def _reason(run: Compared) -> str | None:
    """Why a run is not compared; None if it is."""
    summary = run.summary
    status = summary["verdict"]["status"]
    if status in _UNUSABLE:
        reasons = summary["verdict"]["reasons"]
        return f"{_UNUSABLE[status]}: {reasons[0]}" if reasons and status != "running" else _UNUSABLE[status]
    if summary["truncated"]:
        return "it did not come to its end"
    return None if summary["all"]["answered"] else "nothing was answered in its measured part"

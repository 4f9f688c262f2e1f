"""The runs in a folder: which there are, what they came to, what they take on the disk, and which to remove."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadcore.errors import ResultsError
from loadcore.results.open.opening import is_running, open_run, read_start
from loadcore.results.run_folder import RunFolder
from loadcore.wording.refusals import refusing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from loadcore.results.run_facts import RunStart

_QUIET_S = 10.0
"""A run in progress writes windows every second."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A run of a list.

    Attributes:
        path: Its folder.
        name: What it is called.
        started_us: When it began, in microseconds since 1970.
        known: Whether it is certainly a run: another program may have a `run.json`, too.
        running: Whether it is in progress.
        bytes: What its files take.
        tags: What it was tagged with.
        revision: The revision it was started from.
        summary: Its summary; None where it cannot be read.
    """

    path: Path
    name: str
    started_us: int
    known: bool
    running: bool
    bytes: int
    tags: Mapping[str, str]
    revision: Mapping[str, Any] | None
    summary: Mapping[str, Any] | None

    @property
    def status(self) -> str:
        """The verdict's status, or `unreadable`."""
        return "unreadable" if self.summary is None else str(self.summary["verdict"]["status"])

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types, with the numbers that a list shows."""
        whole = None if self.summary is None else self.summary["all"]
        return {
            "path": str(self.path),
            "run_id": None if self.summary is None else self.summary["run_id"],
            "name": self.name,
            "started_at": None if self.summary is None else self.summary["started_at"],
            "status": self.status,
            "bytes": self.bytes,
            "tags": dict(self.tags),
            "revision": self.revision,
            "requests_per_s": None if whole is None else whole["requests_per_s"],
            "error_rate": None if whole is None else whole["error_rate"],
            "p50_ns": None if whole is None else whole["response"]["p50_ns"],
            "p99_ns": None if whole is None else whole["response"]["p99_ns"],
        }


def runs_in(root: Path) -> list[Listed]:
    """The runs whose folders are in this one, the newest first. What is not a run is left out."""
    folders = [each for each in root.iterdir() if not each.is_symlink()] if root.is_dir() else []
    found = [listed(each) for each in folders if RunFolder(each).start.is_file()]
    return sorted(found, key=lambda run: (-run.started_us, run.path.name))


def tagged(runs: Iterable[Listed], tags: Mapping[str, str]) -> list[Listed]:
    """Those that have all these tags."""
    return [run for run in runs if tags.items() <= run.tags.items()]


def older_than(runs: Iterable[Listed], age_ns: int, now_us: int | None = None) -> list[Listed]:
    """Those that began longer ago."""
    now = time.time_ns() // 1000 if now_us is None else now_us
    return [run for run in runs if (now - run.started_us) * 1000 > age_ns]


def require_removable(runs: Iterable[Listed]) -> None:
    """Refuse runs that are in progress, and what may be no run at all.

    Raises:
        ResultsError: One of them is.
    """
    for run in runs:
        if not run.known:
            place = RunFolder(run.path).start
            raise ResultsError(f"{place} cannot be read: the folder may not be a run", hint="remove it by hand")
        if run.running:
            raise ResultsError(f"run {run.path.name} is in progress", hint="stop it first, or name others")


def remove(runs: Sequence[Listed], root: Path) -> None:
    """Delete the folders of runs; `latest` then points at the newest that is left.

    Raises:
        ResultsError: As of `require_removable`. Then none is deleted.
        LimitsError: A folder cannot be deleted.
    """
    require_removable(runs)
    for run in runs:
        with refusing("cannot delete the run", run.path):
            shutil.rmtree(run.path)
    latest = root / "latest"
    if latest.is_symlink() and not latest.exists():
        latest.unlink()
        left = runs_in(root)
        if left:
            RunFolder(left[0].path, is_default=True).make_latest()


def listed(folder: Path) -> Listed:
    """The run in a folder, whatever state it is in.

    Raises:
        ResultsError: There is none.
    """
    first = RunFolder(folder).start
    start: RunStart | None = None
    try:
        start = read_start(RunFolder(folder))
    except ResultsError:
        if not first.is_file():
            raise
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if start is None:
        moment = int(first.stat().st_mtime * 1e6)
        return Listed(folder, folder.name, moment, False, False, size, {}, None, None)  # noqa: FBT003 - fields
    running = is_running(start) or _is_written(RunFolder(folder))
    try:
        summary: Mapping[str, Any] | None = open_run(folder).summary
    except ResultsError:
        summary = None
    return Listed(folder, start.name, start.wall_start_us, True, running, size, start.tags, start.revision, summary)  # noqa: FBT003 - a field


def _is_written(folder: RunFolder) -> bool:
    """Whether a run is in progress whose process cannot be seen: in a container or on a machine with the same disk."""
    if folder.manifest.exists():
        return False
    newest = max((path.stat().st_mtime for path in folder.all_windows()), default=0.0)
    return time.time() - newest < _QUIET_S

"""The folder a run writes into, and what stands in it where."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from loadcore.errors import UsageError

DEFAULT_ROOT = Path("runs")
"""Where runs go unless somebody says otherwise, relative to the working directory."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID_CHARACTERS = 26
_RANDOM_BITS = 80
_RESERVED_BYTES = 1 << 20


def new_run_id(now_ms: int | None = None) -> str:
    """A ULID: 48 bits of wall-clock milliseconds, then 80 random bits, so that names sort by time.

    Args:
        now_ms: Milliseconds since 1970; the present if None.
    """
    moment = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    number = moment << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_ID_CHARACTERS)))


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run. Knows names, does not look into files."""

    path: Path

    @classmethod
    def create(cls, run_id: str, out: Path | None = None) -> RunFolder:
        """Make a new folder, and point `runs/latest` at it when it stands in the default place.

        Args:
            run_id: Names the folder in the default place.
            out: The folder itself, in place of `runs/<run_id>`.

        Raises:
            UsageError: The folder holds files already, or cannot be made.
        """
        path = DEFAULT_ROOT / run_id if out is None else out
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise UsageError(f"the run folder {path} is not empty", hint="name another one, or leave --out away")
            if out is None:
                _point_latest_at(path)
        except OSError as problem:
            raise UsageError(f"cannot make the run folder {path}: {problem.strerror}") from problem
        return cls(path.absolute())

    def requests(self, worker: int, segment: int = 0) -> Path:
        """A worker's rows. Segments after the first exist only where writing had failed and went on later."""
        return self.path / (f"requests-{worker}.arrow" if segment == 0 else f"requests-{worker}-{segment}.arrow")

    def all_requests(self) -> list[Path]:
        """The files of rows there are, in the order of their names."""
        return sorted(self.path.glob("requests-*.arrow"))

    def log(self, worker: int) -> Path:
        """What a worker wrote to its standard error; removed at the end if that was nothing."""
        return self.path / f"worker-{worker}.log"

    def reserve(self) -> None:
        """Set room aside for summary and manifest, so that a disk that fills up meanwhile does not cost them."""
        with contextlib.suppress(OSError), self._reserved.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _RESERVED_BYTES)

    def release(self) -> None:
        """Give back what was set aside."""
        self._reserved.unlink(missing_ok=True)

    @property
    def _reserved(self) -> Path:
        return self.path / ".reserved"

    @property
    def start(self) -> Path:
        """What was started: written before the first request."""
        return self.path / "run.json"

    @property
    def plan(self) -> Path:
        """The plan, without secrets and rows of test data: for people, and to see whether two runs did the same."""
        return self.path / "plan.json"

    def windows_segment(self, segment: int) -> Path:
        """The windows of all workers; segments as of `requests`."""
        return self.path / ("windows.arrow" if segment == 0 else f"windows-{segment}.arrow")

    def all_windows(self) -> list[Path]:
        """The files of windows there are, in the order of their segments."""
        return sorted(self.path.glob("windows*.arrow"), key=lambda path: (len(path.name), path.name))

    @property
    def summary(self) -> Path:
        """The summary: written when the run has ended."""
        return self.path / "summary.json"

    @property
    def manifest(self) -> Path:
        """The manifest: written last; a folder that has one is complete."""
        return self.path / "manifest.json"


def write_durably(path: Path, text: str) -> None:
    """Write a small file so that it is there whole or not at all, also after a power cut.

    Raises:
        OSError: The disk is full, say. The file of that name, if there was one, is as it was.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _point_latest_at(path: Path) -> None:
    """Make `latest` beside the folder a symbolic link to it, whatever it was before."""
    temporary = path.parent / f".latest-{path.name}"
    temporary.symlink_to(path.name, target_is_directory=True)
    temporary.replace(path.parent / "latest")

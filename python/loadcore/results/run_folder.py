"""The folder a run writes into, and its layout."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from loadcore.errors import UsageError
from loadcore.results.file_names import requests_name
from loadcore.wording.refusals import refusing

DEFAULT_ROOT = Path("runs")
"""Where runs go by default, relative to the working directory."""

_ANOTHER = "name another one, or omit --out"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID_CHARACTERS = 26
_RANDOM_BITS = 80
_RESERVED_BYTES = 1 << 20
_MOST_LINKS: Final = 40
"""As many as Linux follows."""


def new_run_id(now_ms: int | None = None) -> str:
    """A ULID: 48 bits of wall-clock milliseconds, then 80 random bits, so that names sort by time.

    Args:
        now_ms: Milliseconds since 1970; the present if None.
    """
    moment = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    number = moment << _RANDOM_BITS | int.from_bytes(os.urandom(_RANDOM_BITS // 8))
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_ID_CHARACTERS)))


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run. Knows names, does not look into files."""

    path: Path
    is_default: bool = False
    """Whether it is in `runs`, so that `runs/latest` may point at it."""

    @classmethod
    def create(cls, run_id: str, out: Path | None = None) -> RunFolder:
        """Make a new folder, claim it, and set room aside in it, so that it can be sealed on a disk that fills up.

        Of two runs that want the same folder at the same moment one gets it.

        Args:
            run_id: Names the folder in the default place.
            out: The folder itself, in place of `runs/<run_id>`.

        Raises:
            UsageError: The folder holds files already, or another run.
            LimitsError: It cannot be made, or the disk is full.
        """
        with refusing("cannot make the run folder", DEFAULT_ROOT / run_id if out is None else out):
            folder = cls((DEFAULT_ROOT / run_id if out is None else out).absolute(), is_default=out is None)
            folder.path.mkdir(parents=True, exist_ok=True)
            folder._claim()
        return folder

    def _claim(self) -> None:
        """Take the folder by a file that only one can make. It is the room that is set aside."""
        self._refuse_if_used()
        try:
            claim = os.open(self._reserved, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise UsageError(f"another run is writing to the run folder {self.path}", hint=_ANOTHER) from None
        try:
            self._refuse_if_used()  # Whoever had it before may have finished meanwhile.
            os.posix_fallocate(claim, 0, _RESERVED_BYTES)
        except BaseException:
            self._reserved.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.path.rmdir()
            raise
        finally:
            os.close(claim)

    def _refuse_if_used(self) -> None:
        if any(each != self._reserved for each in self.path.iterdir()):
            raise UsageError(f"the run folder {self.path} is not empty", hint=_ANOTHER)

    def discard(self) -> None:
        """Remove what was made for a run that did not start. What a worker had to say stays."""
        made = [self._reserved, self.plan, *self.all_windows(), *self.all_requests()]
        with contextlib.suppress(OSError):
            for path in made:
                path.unlink(missing_ok=True)
            self.path.rmdir()

    def make_latest(self) -> str | None:
        """Point `runs/latest` at this folder if it is in the default place.

        Returns:
            Why that could not be done, in one sentence.
        """
        latest = self.path.parent / "latest"
        if not self.is_default:
            return None
        if os.path.lexists(latest) and not latest.is_symlink():
            kind = "folder" if latest.is_dir() else "file"
            return f"{latest} is a {kind} of your own and was left alone: to report on this run, name it, {self.path}"
        temporary = self.path.parent / f".latest-{self.path.name}"
        try:
            temporary.symlink_to(self.path.name, target_is_directory=True)
            temporary.replace(latest)
        except OSError as problem:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            return f"{latest} cannot point at this run: {problem.strerror or problem}"
        return None

    def identity(self) -> tuple[int, int] | None:
        """What this folder is by, wherever it is moved; None if there is none at its path."""
        try:
            facts = self.path.stat()
        except OSError:
            return None
        return facts.st_dev, facts.st_ino

    def inode(self) -> dict[str, int]:
        """What a copy of this folder differs in. Numbers of devices are left out: they change with a reboot."""
        identity = self.identity()
        return {} if identity is None else {"folder_inode": identity[1]}

    def requests(self, worker: int, segment: int = 0) -> Path:
        """A worker's rows. Segments after the first exist only where writing had failed and continued later."""
        return self.path / requests_name(worker, segment)

    def all_requests(self) -> list[Path]:
        """The files of rows there are, in the order of their names."""
        return sorted(self.path.glob("requests-*.arrow"))

    def log(self, worker: int) -> Path:
        """What a worker wrote to its standard error; removed at the end if that was nothing."""
        return self.path / f"worker-{worker}.log"

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

    def claim_windows(self) -> None:
        """Make the file of the windows, still empty, so that a folder that takes no file is known before the start.

        Raises:
            OSError: It cannot be made.
        """
        self.windows_segment(0).touch(exist_ok=False)

    @property
    def samples(self) -> Path:
        """What failures looked like, one a line; at the end of a run the summary has them, and this is gone."""
        return self.path / "samples.jsonl"

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
    write_whole(path, text, durably=True)
    if not is_written_into(path):
        _keep_names(path.parent)


def write_whole(path: Path, text: str, *, durably: bool = False) -> None:
    """As `write_durably`, unless the power is cut: see `keep`. What is not a plain file is written into."""
    if is_written_into(path):
        with open_to_write(path) as file:
            file.write(text.encode())
        return
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if durably:
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def is_written_into(path: Path) -> bool:
    """Whether it stays what it is when it is written to: a device, a pipe, or a link like /dev/stdout."""
    return path.is_symlink() or (path.exists() and not path.is_file())


def open_to_write(path: Path) -> BinaryIO:
    """Opens a file to be written. What stands for a descriptor of this process is continued where that is.

    Of a file that it appends to (`--markdown /dev/stdout >> notes.md`), opening it by name would remove the content.

    Raises:
        OSError: It cannot be opened.
    """
    if (number := _descriptor_of(path)) is None:
        return path.open("wb")
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fdopen(os.dup(number), "wb")


def _descriptor_of(path: Path) -> int | None:
    """The descriptor that a path stands for, like 1 of /dev/stdout; None if it is a file like others."""
    for _ in range(_MOST_LINKS):
        folder = os.path.realpath(path.parent)
        if folder == f"/proc/{os.getpid()}/fd" and path.name.isdecimal():
            return int(path.name)
        if not path.is_symlink():
            return None
        path = Path(folder, path.readlink())
    return None


def keep(*paths: Path) -> None:
    """Have files of one folder survive a power cut from now on.

    Raises:
        OSError: The disk does not take them.
    """
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _keep_names(paths[0].parent)


def _keep_names(folder: Path) -> None:
    """Have the names of a folder's files survive a power cut."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

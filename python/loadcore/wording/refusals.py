"""What the machine refuses (room, rights, processes, descriptors), told with its remedy: none of it is a bug."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loadcore.errors import LimitsError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_THREAD = "can't start new thread"

_REMEDIES = {
    errno.EDQUOT: "your quota of this disk is used up: delete files, or write elsewhere",
    errno.EROFS: "this file system is read-only: name a folder that you can write to (`--out`)",
    errno.EACCES: "name a folder that you can write to (`--out`), or change the permissions of this one",
    errno.EPERM: "name a folder that you can write to (`--out`), or change the permissions of this one",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`, `LimitNOFILE=` in a systemd unit)",
    errno.ENFILE: "the whole machine has no open file left: `sysctl fs.file-max`",
    errno.ENOMEM: "free memory, or raise the memory limit of the container",
    errno.EAGAIN: "raise the limit of processes (`ulimit -u`, pids.max of the control group, `--pids-limit` of a "
    "container), or use fewer `--workers`",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ENOTDIR: "a part of this path is a file: name another folder",
    errno.EIO: "the disk is failing: see `dmesg`",
    errno.ELOOP: "symbolic links form a loop here: `ls -l` shows them",
}


@contextmanager
def refusing(what: str, where: Path | None = None) -> Iterator[None]:
    """What this machine refuses within the block is raised as `LimitsError`. Arguments as of `refusal`."""
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as problem:
        refused = refusal(problem, what, where)
        if refused is None:
            raise
        raise refused from problem


def refusal(problem: BaseException, what: str, where: Path | None = None) -> LimitsError | None:
    """The error to raise in place of one by which this machine refuses something; None for any other.

    Args:
        problem: What was raised.
        what: What could not be done, as the beginning of a sentence.
        where: The file or folder, where the exception does not know.
    """
    match problem:
        case OSError():
            reason, number = problem.strerror or str(problem), problem.errno
        case MemoryError():
            reason, number = "not enough memory is left", errno.ENOMEM
        case RuntimeError() if _NO_THREAD in str(problem):
            reason, number = "no more threads can be started", errno.EAGAIN
        case _:
            return None
    named = problem.filename if isinstance(problem, OSError) else None
    place = where or (Path(os.fsdecode(named)) if isinstance(named, str | bytes) else None)
    if place is not None and str(place) not in what:
        what = f"{what} ({place})"
    return LimitsError([Problem(f"{what}: {reason}", hint=_remedy(number, place))])


def _remedy(number: int | None, place: Path | None) -> str | None:
    if number == errno.ENOSPC:
        return _room(place)
    if number == errno.ENOENT and not _has_working_directory():
        return "the working directory was deleted: change to another one"
    return _REMEDIES.get(number or 0)


def _room(place: Path | None) -> str:
    """Whether bytes or names have run out, which `df` shows in different ways."""
    folder = next((each for each in (place, *place.parents) if each.is_dir()), None) if place else None
    if folder is not None:
        facts = os.statvfs(folder)
        if facts.f_files and not facts.f_favail:
            return f"no inodes are left: delete files (`df -i {folder}`), or write elsewhere (`--out`)"
    shown = f"`df -h {folder}`" if folder else "`df -h`"
    return f"free space ({shown}), or write elsewhere (`--out`)"


def _has_working_directory() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True

"""Temporary folders that go with the process that made them, also when it was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

LOCK = "lock"
"""File of a data folder that the gateway which uses it keeps locked; the kernel unlocks it when the process dies."""
_PREFIX = "loadcore-gateway-"
_STARTING_S = 60.0
"""A folder younger than that may belong to a gateway which has not locked it yet."""


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder, removed at the end; first those are removed whose gateways were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another gateway removes it, too
            if _is_left_behind(folder):
                shutil.rmtree(folder)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as made:
        yield Path(made)


def _is_left_behind(folder: Path) -> bool:
    status = folder.lstat()
    if status.st_uid != os.geteuid() or folder.is_symlink():
        return False
    lock = folder / LOCK
    began = lock.stat().st_mtime if lock.exists() else status.st_mtime
    if time.time() < began + _STARTING_S:
        return False
    if not lock.exists():
        return not any(folder.iterdir())  # one that was made and never used
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True

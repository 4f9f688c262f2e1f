"""The temporary folder of a target: created fresh, and removed later if its gateway was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

PREFIX = "loadcore-target-"
"""How folders of targets begin: nothing else is ever removed."""
_STARTING_S = 60.0
"""A folder younger than that may belong to a gateway which has not locked it yet."""


def new() -> Path:
    """A new folder. First those are removed that gateways left behind when they were killed."""
    import tempfile

    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # it has no lock, or another command removes it, too
            if _is_left_behind(folder):
                shutil.rmtree(folder)
    return Path(tempfile.mkdtemp(prefix=PREFIX))


def _is_left_behind(folder: Path) -> bool:
    """Whether the gateway of this folder is dead: one that lives keeps a file of its data locked."""
    lock = folder / "data" / "lock"
    status = lock.stat()
    if folder.is_symlink() or status.st_uid != os.geteuid() or time.time() < status.st_mtime + _STARTING_S:
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True

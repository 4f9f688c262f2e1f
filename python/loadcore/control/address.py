"""Where the socket of a run is: an address that the system can hold, whatever the folder is called."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "control.sock"
"""The socket's name in the run folder."""
MOST_BYTES: Final = 107 if sys.platform == "linux" else 103
"""How long the path of a socket may be."""
_OPEN_FOLDERS: Final = Path("/proc/self/fd")


class PathTooLongError(OSError):
    """The socket's path is longer than this system allows."""


@contextlib.contextmanager
def address_in(folder: Path) -> Iterator[str]:
    """A path of the socket that is short enough, while the block lasts.

    Raises:
        PathTooLongError: There is none.
        OSError: The folder cannot be opened.
    """
    whole = folder.absolute() / NAME
    for path in (str(whole), os.path.relpath(whole)):
        if len(os.fsencode(path)) <= MOST_BYTES:
            yield path
            return
    if not _OPEN_FOLDERS.is_dir():
        raise PathTooLongError(f"its path has more than {MOST_BYTES} bytes")
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(_OPEN_FOLDERS / str(opened) / NAME)
    finally:
        os.close(opened)

"""Where in the user's file something was declared."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        """`checkout.py:12`."""
        return f"{os.path.basename(self.file)}:{self.line}"  # noqa: PTH119 - a file name such as <stdin> is not a path

    @property
    def folder(self) -> Path:
        """The file's folder; the working directory where the file is none (a notebook, a prompt)."""
        path = Path(self.file)
        return path.resolve().parent if path.is_file() else Path.cwd()


_DECLARING = (f"{__package__}.", "loadcore.scripting.")
"""What users write with. The frames of these modules lie between the user's line and `here()`."""


def here() -> Place | None:
    """The line that is being executed in the user's file.

    Costs a few frame look-ups. `None` where the declaration is made by loadcore itself, as for `loadcore bench`.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - `inspect.stack()` would read source files
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(_DECLARING):
            return None if module.startswith("loadcore.") else Place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None

"""Running the user's code: what it raises is reported as theirs, with their own frames."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loadcore.errors import LoadcoreError, ScenarioRaised

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_FRAMES: Final = 7
_NOT_THE_USERS: Final = tuple(
    {
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        str(Path(__file__).parent),
    }
)


@contextmanager
def user_code() -> Iterator[None]:
    """What is run inside is the user's: its exceptions become `ScenarioRaised`.

    loadcore's own exceptions, and Ctrl-C, pass as they are. `sys.exit()` counts as raising.
    """
    try:
        yield
    except LoadcoreError:
        raise
    except (Exception, SystemExit) as error:
        message = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
        raise ScenarioRaised(message, _frames(error)) from error


def _frames(error: BaseException) -> tuple[str, ...]:
    """The user's own frames, the innermost last."""
    frames = [
        f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}: {frame.line}"
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((*_NOT_THE_USERS, "<frozen"))
    ]
    # A file that cannot be parsed has no frame of its own.
    if isinstance(error, SyntaxError) and error.filename:
        line = (error.text or linecache.getline(error.filename, error.lineno or 0)).strip()
        frames.append(f"{Path(error.filename).name}:{error.lineno}: {line}")
    return tuple(frames[-_MOST_FRAMES:])

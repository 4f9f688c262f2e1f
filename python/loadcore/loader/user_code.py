"""Running the user's code: what it raises is reported as theirs, with their own frames.

A declaration called with arguments that it does not have is a mistake of the declaration, and reported like the others.
"""

from __future__ import annotations

import inspect
import linecache
import re
import sys
import sysconfig
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loadcore.errors import LoadcoreError, Problem, ScenarioError, ScenarioRaised
from loadcore.plan.redaction import is_sensitive
from loadcore.scenario.place import Place
from loadcore.wording.suggestions import SCENARIO_WORDS, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

_MOST_FRAMES: Final = 7
# As Python words them: `Scenario.__init__() got an unexpected keyword argument 'step'`, `users() missing 1 required …`.
_CALL: Final = re.compile(
    r"(?:(?P<owner>\w+)\.)?(?P<called>\w+)\(\) "
    r"(?P<what>got an unexpected keyword argument '(?P<unknown>\w+)'|(?:missing|takes|got) .+)"
)
NOT_THE_USERS: Final = tuple(
    {
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        str(Path(__file__).parents[1]),
    }
)


@contextmanager
def user_code() -> Iterator[None]:
    """What is run inside is the user's: its exceptions become `ScenarioRaised`, wrong arguments a `ScenarioError`.

    loadcore's own exceptions, and Ctrl-C, pass as they are. `sys.exit()` counts as raising.
    """
    try:
        yield
    except LoadcoreError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, TypeError) and (problem := _wrong_arguments(error)) is not None:
            raise ScenarioError([problem]) from error
        message = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
        raise ScenarioRaised(message, frames_of(error), hint=_remedy(error)) from error


def _remedy(error: BaseException) -> str | None:
    """What to do about a module that is not there: the environment that lacks it may be one of several."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    package = error.name.partition(".")[0]
    from loadcore.wording import extras  # noqa: PLC0415 - needed for errors only

    return f"install it in loadcore's environment: {extras.installer()} {package}"


def _wrong_arguments(error: TypeError) -> Problem | None:
    """What is wrong with a call of a declaration of loadcore's that Python refused; None if it was another call."""
    match = _CALL.match(str(error))
    *_, innermost = traceback.walk_tb(error.__traceback__)
    frame, line = innermost
    name = match["owner"] or match["called"] if match else ""
    package = sys.modules["loadcore"]  # by its name, since it is above this module
    called: Any = getattr(package, name, None) if name in package.__all__ else None
    of_the_user = {**frame.f_globals, **frame.f_locals}.get(name, called)
    if match is None or called is None or of_the_user is not called:
        return None
    at = f"{Path(frame.f_code.co_filename).name}:{line}"
    if match["unknown"] is None:
        return Problem(f"{name}(…) {match['what']}", at=at)
    words = SCENARIO_WORDS if name == "Scenario" else None
    known = [known for known in inspect.signature(called).parameters if known != "place"]
    suggestion = did_you_mean(match["unknown"], known, words)
    return Problem(f'{name}(…) has no argument "{match["unknown"]}"{suggestion}', at=at)


def place_of(error: BaseException) -> Place | None:
    """The user's own line that raised an exception, or called what raised it."""
    own = [each for each in traceback.walk_tb(error.__traceback__) if _is_the_users(each[0].f_code.co_filename)]
    return Place(own[-1][0].f_code.co_filename, own[-1][1]) if own else None


def from_own_frame(trace: TracebackType | None) -> TracebackType | None:
    """A traceback from the first of the user's own frames on."""
    while trace is not None and not _is_the_users(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def line_in(frame: FrameType | None) -> tuple[str, str] | None:
    """The innermost line of the user's that a frame is in: its place, and its source; None if it is in none."""
    while frame is not None and not _is_the_users(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return None
    path, line = frame.f_code.co_filename, frame.f_lineno
    return f"{Path(path).name}:{line}", _source(linecache.getline(path, line).strip())


def line_awaited(coroutine: object) -> tuple[str, str] | None:
    """The innermost line of the user's at which a suspended coroutine waits: its place, and its source."""
    found, awaited = None, coroutine
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        found = line_in(frame) or found
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return found


def _is_the_users(filename: str) -> bool:
    return not filename.startswith((*NOT_THE_USERS, "<frozen"))


def frames_of(error: BaseException) -> tuple[str, ...]:
    """The user's own frames, the innermost last."""
    frames = [
        f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}{_source(frame.line)}"
        for frame in traceback.extract_tb(error.__traceback__)
        if _is_the_users(frame.filename)
    ]
    # A file that cannot be parsed has no frame of its own.
    if isinstance(error, SyntaxError) and error.filename:
        line = (error.text or linecache.getline(error.filename, error.lineno or 0)).strip()
        frames.append(f"{Path(error.filename).name}:{error.lineno}{_source(line)}")
    return tuple(frames[-_MOST_FRAMES:])


def _source(line: str | None) -> str:
    """A line of the user's file, unless it names something that may be a secret."""
    return f": {line}" if line and not is_sensitive(line) else ""

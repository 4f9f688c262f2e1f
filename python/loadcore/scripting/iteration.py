"""One iteration of a user's code, and whose fault it is when it does not reach its end."""

from __future__ import annotations

import asyncio
import linecache
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from loadcore.loader.user_code import frames_of, place_of
from loadcore.scripting.client import Client, RunAborted
from loadcore.scripting.failures import IterationFailed
from loadcore.scripting.reading import Reading, no_attribute
from loadcore.wording.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.scripting.client import Driver

_QUIET: Final[tuple[type[BaseException], ...]] = (IterationFailed, AssertionError, TimeoutError)
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that is an error of the script.

    Attributes:
        kind: The exception's type.
        message: Its type and string, in one line.
        at: The user's line that raised it.
        frames: The user's own frames, the innermost last.
    """

    kind: str
    message: str
    at: str | None
    frames: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a turn of a user ended.

    Attributes:
        how: As the engine counts it.
        raised: The exception that ended it, if that is an error of the script.
        at_fault: Whether a request of the turn was an error, too: then the exception may be the target's doing.
        unsent: The names of requests that were made and never awaited.
    """

    how: Literal["complete", "failed", "interrupted"]
    raised: Raised | None = None
    at_fault: bool = False
    unsent: tuple[str, ...] = ()


_COMPLETE: Final = Ended("complete")
_FAILED: Final = Ended("failed")
_INTERRUPTED: Final = Ended("interrupted")


def end_turn(driver: Driver, error: BaseException | None, *, is_cut: bool = False) -> Ended:
    """Ends a turn of a user.

    Args:
        driver: Of the user.
        error: What its code raised, if it did.
        is_cut: Whether the engine has cut it short. A `CancelledError` that it has not asked for is the code's own.
    """
    match error:
        case None:
            ended = _COMPLETE
        case IterationFailed():
            ended = _FAILED
        case RunAborted():
            ended = _INTERRUPTED
        case asyncio.CancelledError() if is_cut:
            ended = _INTERRUPTED
        case _:
            # An error of the user's code is counted, not passed on: `sys.exit()` ends no worker.
            ended = _judged(driver, error, quiet=(*_QUIET, asyncio.CancelledError) if is_cut else _QUIET)
    try:
        forgotten = driver.end()
    except TypeError as unfit:
        return _judged(driver, error or unfit)
    return replace(ended, unsent=forgotten) if forgotten else ended


def _judged(driver: Driver, error: BaseException, quiet: tuple[type[BaseException], ...] = _QUIET) -> Ended:
    single = [*_leaves(error)]
    for each in single:
        if isinstance(each, AssertionError):
            driver.failed(claim_of(each))
    wrong = [each for each in single if not isinstance(each, quiet)]
    if not wrong:
        return _FAILED
    # What a target answered may be why the code did not expect it.
    return Ended("failed", raised_of(wrong[0]), driver.was_failed)


def strayed(error: BaseException) -> Raised | None:
    """What a task of the user's own raised that was never awaited; None unless it is an error of the script."""
    wrong = [each for each in _leaves(error) if not isinstance(each, IterationFailed | asyncio.CancelledError)]
    return raised_of(wrong[0]) if wrong else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The exceptions of a group, as `TaskGroup` raises it, or the one itself."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def raised_of(error: BaseException) -> Raised:
    """An exception as results show it."""
    kind = type(error).__name__
    message = " ".join(_said_by(error).split())
    place, frames = place_of(error), frames_of(error)
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration):
        # Python puts it around what a coroutine raised, without the line that did.
        place, frames = place_of(error.__cause__) or place, (*frames, *frames_of(error.__cause__))
    return Raised(kind, f"{kind}: {message}" if message else kind, str(place) if place else None, frames)


def _said_by(error: BaseException) -> str:
    """What an exception says; of an attribute that a client or a response does not have, with what may be meant."""
    if not isinstance(error, AttributeError) or not isinstance(error.obj, Client | Reading) or error.name is None:
        return _text_of(error)
    # Anything else is a message of someone's own.
    said = f"'{type(error.obj).__name__}' object has no attribute '{error.name}'"
    if str(error) != said:
        return str(error)
    if isinstance(error.obj, Reading):
        return no_attribute(error.name)
    known = [each for each in dir(Client) if not each.startswith("_")]
    return f'a client has no "{error.name}"{did_you_mean(error.name, known)}'


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - code of the user's own
        return f"its message cannot be read: {type(broken).__name__}"


def claim_of(error: AssertionError) -> str:
    """What a failed `assert` is called among the checks: by its source and line."""
    place = place_of(error)
    if place is None:
        return "assert"
    source = linecache.getline(place.file, place.line).strip().removeprefix("assert ")
    claim = source.partition("  #")[0].strip()
    shown = claim if len(claim) <= _LONGEST else f"{claim[:_LONGEST]}…"
    return f"{shown} ({place})" if shown else f"assert ({place})"

"""Files of a form in all the ways that `files` takes them, which are httpx's and `upload(…)`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loadcore.scenario.http import Upload
from loadcore.wording.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.scenario.place import Place


def uploads_of(name: str, given: object, place: Place | None = None) -> list[Upload]:
    """The files of one name of a form. Paths are relative to the file of `place`.

    Raises:
        TypeError: One of them is not a file; the message says what to give.
    """
    return [_upload(name, each, place) for each in _each(given)]


def _each(given: object) -> Sequence[object]:
    """The files of one name. A tuple that begins with a string is one file."""
    match given:
        case list():
            return given
        case tuple() if not isinstance(next(iter(given), None), str):
            return given
    return [given]


def _upload(name: str, given: object, place: Place | None) -> Upload:
    match given:
        case Upload():
            return given
        case Path():
            return Upload(given, None, None, place)
        case bytes():
            return Upload(given, "upload", None, place)
        case (str(filename), bytes(content)):
            return Upload(content, filename, None, place)
        case (str(filename), bytes(content), str(content_type)):
            return Upload(content, filename, content_type, place)
    raise TypeError(f'the file "{name}" is {kind_of(given)}: it must be upload(…), a Path, bytes or a tuple')

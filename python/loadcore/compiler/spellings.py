"""The words of a request's options: httpx's, and the older ones of loadcore, which still hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from loadcore.scenario.http import RequestOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.compiler.problems import Problems
    from loadcore.scenario.http import Request

WORDS: Final = frozenset(RequestOptions.__annotations__)
"""All of them, of both spellings."""
OLDER: Final[Mapping[str, str]] = {
    "query": "params",
    "form": "data",
    "text": "content",
    "multipart": "files",
    "timeouts": "timeout",
    "max_redirects": "follow_redirects",
}
"""The older words, each with the word that means the same."""


class Given(NamedTuple):
    """An option as it was given.

    Attributes:
        word: The word that was used, for messages.
        value: Its value.
    """

    word: str
    value: Any


def given(request: Request, word: str, older: str, problems: Problems) -> Given | None:
    """The value of an option that has two spellings; None if neither was used."""
    options: Mapping[str, Any] = request.options
    if word in options and older in options:
        problems.add(request.place, f"{word} and {older} mean the same", f"write {word} alone")
    used = word if word in options else older
    return Given(used, options[used]) if used in options else None

"""The end of a message about an unknown name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_A_LINE: Final = 12


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """The nearest known name, or all of them if they are few; begins so that it can follow the message at once."""
    import difflib  # noqa: PLC0415 - slow to import, needed for errors only

    known = list(names)
    nearest = difflib.get_close_matches(str(name), known, n=1)
    if nearest:
        return f', did you mean "{nearest[0]}"?'
    return f" (there are: {', '.join(known)})" if 0 < len(known) <= _A_LINE else ""

"""The environment variables that a plan reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_IN_A_STRING: Final = re.compile(r"\{\$env\.(\w+)")


def variables_of(plan: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """Their names, each once."""
    return list(dict.fromkeys(_variables(plan)))


def _variables(thing: Any) -> Iterator[str]:  # noqa: ANN401
    match thing:
        case {"env": str() as name, **rest} if not rest:
            yield name
        case str():
            yield from _IN_A_STRING.findall(thing)
        case dict():
            for member in thing.values():
                yield from _variables(member)
        case list() | tuple():
            for member in thing:
                yield from _variables(member)

"""Names and values (headers, query, forms) to pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from loadcore.scenario.values import Env
from loadcore.wording.kinds import kind_of, shown

if TYPE_CHECKING:
    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import Pair
    from loadcore.scenario.place import Place


def compile_fields(fields: object, what: str, place: Place | None, problems: Problems) -> list[Pair]:
    """Pairs in the order they were written; a list of values repeats the name."""
    if not isinstance(fields, Mapping):
        problems.add(place, f"{what} is {kind_of(fields)}: it must be a dictionary of names to values")
        return []
    pairs: list[Pair] = []
    for name, value in fields.items():
        if not isinstance(name, str) or not name:
            written = "an empty string" if name == "" else shown(name)
            problems.add(place, f"{what} has {written} for a name: it must be a non-empty string")
            continue
        for each in value if isinstance(value, list | tuple) else (value,):
            match each:
                case str() | Env():
                    pairs.append((name, str(each)))
                case bool():
                    pairs.append((name, "true" if each else "false"))
                case int() | float():
                    pairs.append((name, str(each)))
                case _:
                    problems.add(
                        place,
                        f'{what}: the value of "{name}" is {kind_of(each)}: it must be a string or a number',
                    )
    return pairs

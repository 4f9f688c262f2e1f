"""Whether a document has the shape that its JSON Schema says: what reads one afterwards need not ask again.

Knows the words of JSON Schema that the package's own schemas use, and no others. Keys that a schema does not have are
left alone: later versions may add some.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def parse(text: str) -> Any:  # noqa: ANN401 - JSON
    """Read JSON text. Python takes `NaN`, `Infinity` and 1e999 as well, which could not be written again.

    Raises:
        ValueError: It is not JSON.
    """
    return json.loads(text, parse_constant=_finite, parse_float=_finite)


def fault(document: object, schema: Mapping[str, Any]) -> str | None:
    """The first thing that is not as the schema says, with its place; None if all is."""
    return next(_faults(document, schema, schema.get("$defs", {}), ""), None)


def _faults(value: object, schema: Any, definitions: Mapping[str, Any], at: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    if schema is True:
        return
    if (reference := schema.get("$ref")) is not None:
        yield from _faults(value, definitions[reference.rpartition("/")[2]], definitions, at)
    here = at or "the document"
    types = schema.get("type", [])
    names = [types] if isinstance(types, str) else types
    if names and not any(_is(value, name) for name in names):
        yield f"{here} is not of type {' or '.join(names)}"
        return
    yield from _of_value(value, schema, definitions, at)
    if isinstance(value, dict):
        yield from _members(value, schema, definitions, at)
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{here} does not have the right number of entries"
        first = schema.get("prefixItems", [])
        for number, item in enumerate(value):
            own = first[number] if number < len(first) else schema.get("items", True)
            yield from _faults(item, own, definitions, f"{at}[{number}]")


def _of_value(value: object, schema: Any, definitions: Mapping[str, Any], at: str) -> Iterator[str]:  # noqa: ANN401
    here = at or "the document"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{here} is not {schema['const']!r}"
    if "enum" in schema and not any(_same(value, each) for each in schema["enum"]):
        yield f"{here} is not a known word"
    if "oneOf" in schema and sum(not list(_faults(value, each, definitions, at)) for each in schema["oneOf"]) != 1:
        yield f"{here} does not have a known form"
    if "minimum" in schema and _is(value, "number") and not value >= schema["minimum"]:
        yield f"{here} is below {schema['minimum']}"
    if "maximum" in schema and _is(value, "number") and not value <= schema["maximum"]:
        yield f"{here} is above {schema['maximum']}"


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def _same(value: object, other: object) -> bool:
    """Python takes `True` for 1, and JSON does not."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _members(value: dict[str, Any], schema: Any, definitions: Mapping[str, Any], at: str) -> Iterator[str]:  # noqa: ANN401
    known, others = schema.get("properties", {}), schema.get("additionalProperties") or True
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at or 'the document'} has no `{name}`"
    for name, member in value.items():
        yield from _faults(member, known.get(name, others), definitions, f"{at}.{name}" if at else name)


def _is(value: object, name: str) -> bool:
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))

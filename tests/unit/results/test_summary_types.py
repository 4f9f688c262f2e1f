"""The types of the summary say what its JSON Schema says."""

from __future__ import annotations

from typing import Any, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

from loadcore import Summary
from loadcore.results.sum.summary import schema

_SCHEMA = schema()


def test_the_types_have_the_keys_of_the_schema() -> None:
    """Every object of the schema is a type with the same keys, and the same of them may be missing."""
    found: set[str] = set()
    assert _differences(Summary, _SCHEMA, found) == []
    assert {"Summary", "StepSummary", "Times", "FindingSummary", "SampledRequest"} <= found


def test_a_key_that_is_missing_would_be_found() -> None:
    """The comparison is not blind: with one property more in a step the types are not those of the schema."""
    step = _SCHEMA["$defs"]["step"]
    changed = {**step, "properties": {**step["properties"], "new": {"type": "integer"}}}
    kind = get_args(get_type_hints(Summary)["steps"])[0]
    assert _differences(kind, changed, set()) == ["StepSummary: {'new'}"]


def _differences(kind: Any, part: dict[str, Any], seen: set[str]) -> list[str]:
    """Where a type and a part of the schema differ."""
    kinds = [each for each in _members(kind) if is_typeddict(each)]
    for each in _parts(part):
        if "properties" not in each:
            continue
        if len(kinds) != 1:
            return [f"{kind} has no type for {sorted(each['properties'])}"]
        (of_part,) = kinds
        if of_part.__name__ in seen:
            continue
        seen.add(of_part.__name__)
        hints = get_type_hints(of_part, include_extras=True)
        optional = {name for name, hint in hints.items() if get_origin(hint) is NotRequired}
        wrong = set(hints) ^ set(each["properties"]) | optional ^ (set(hints) - set(each.get("required", ())))
        if wrong:
            return [f"{of_part.__name__}: {wrong}"]
        return [found for name, hint in hints.items() for found in _differences(hint, each["properties"][name], seen)]
    return []


def _members(kind: Any) -> list[Any]:
    """The type, or what lists and unions of it are of."""
    return [each for member in get_args(kind) for each in _members(member)] if get_origin(kind) else [kind]


def _parts(part: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of a part of the schema: it, what it refers to, what its items are."""
    if "$ref" in part:
        return _parts(_SCHEMA["$defs"][part["$ref"].rpartition("/")[2]])
    if "items" in part:
        return _parts(part["items"])
    choices = [each for name in ("anyOf", "oneOf") for each in part.get(name, ())]
    return [found for each in choices for found in _parts(each)] or [part]

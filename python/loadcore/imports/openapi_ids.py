"""Where a response has the id that a path takes: `/orders/{orderId}` after `POST /orders`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loadcore.imports.correlation import member
from loadcore.imports.names import identifier, singular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from loadcore.imports.openapi_values import Values

_IDS: Final = ("id", "uuid", "_id", "key", "slug")
_WRAPPERS: Final = frozenset({"data", "result", "item", "items", "results", "content"})
_MOST_WRAPPED: Final = 2


def id_in(values: Values, schema: dict[str, Any], parameter: str, collection: str, *, creates: bool) -> str | None:
    """The JSONPath of an id: of the object itself, of a list's first, or of one that is wrapped.

    Args:
        values: Follows references.
        schema: The schema of the response.
        parameter: What the path calls the id: a member of that name comes first.
        collection: The last word of the collection's path, such as `orders`.
        creates: The response is of the object that was made; that of a list may have an id of its own.
    """
    wrappers = _WRAPPERS | {identifier(collection), identifier(singular(collection))}

    def called(members: Iterable[str]) -> str | None:
        return next((each for each in members if identifier(each) == identifier(parameter)), None)

    def usual(members: Iterable[str]) -> str | None:
        return next((each for each in _IDS if each in members), None)

    def within(
        schema: dict[str, Any], chosen: Callable[[Iterable[str]], str | None], path: str, depth: int
    ) -> str | None:
        members = _members(values, schema)
        if (creates or path != "$") and (name := chosen(members)) is not None:
            return path + member(name)
        if depth > _MOST_WRAPPED:
            return None
        if schema.get("type") == "array" or "items" in schema:
            return within(values.resolved(schema.get("items")), chosen, f"{path}[0]", depth + 1)
        inner = {name: values.resolved(each) for name, each in members.items()}
        wrapped = [name for name, each in inner.items() if identifier(name) in wrappers or each.get("type") == "array"]
        found = (within(inner[name], chosen, path + member(name), depth + 1) for name in wrapped)
        return next(filter(None, found), None)

    return within(schema, called, "$", 0) or within(schema, usual, "$", 0)


def _members(values: Values, schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    parts = schema.get("allOf")
    for part in [schema, *(values.resolved(each) for each in (parts if isinstance(parts, list) else []))]:
        properties = part.get("properties")
        found |= {str(name): each for name, each in properties.items()} if isinstance(properties, dict) else {}
    return found

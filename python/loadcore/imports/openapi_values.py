"""Values for schemas: examples first, then defaults, enums, formats and types."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from loadcore.imports.draft import templated

_DEEPEST: Final = 8
_LONGEST: Final = 10_000
_LONGEST_PATTERN: Final = 200
_MOST_OPTIONAL: Final = 12
"""Members that are not required: some make a body readable, all of them make it endless."""
_FORMATS: Final = {
    "date": "2026-01-31", "date-time": "2026-01-31T12:00:00Z", "time": "12:00:00Z", "email": "user@example.com",
    "idn-email": "user@example.com", "uri": "https://example.com/", "url": "https://example.com/", "uri-reference": "/",
    "hostname": "example.com", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "byte": "bG9hZGNvcmU=", "duration": "PT1H",
    "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "binary": "content", "phone": "+15550100", "regex": ".*",
}  # fmt: skip


@dataclass(slots=True)
class Values:
    """Makes values out of the schemas of one document."""

    document: dict[str, Any]
    broken: set[str] = field(default_factory=set)
    """References that lead nowhere, or out of the file."""

    def resolved(self, given: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        """An object of the document, its reference followed."""
        seen: set[str] = set()
        while isinstance(given, dict) and isinstance(given.get("$ref"), str):
            reference = given["$ref"]
            if reference in seen:
                return {}
            seen.add(reference)
            given = self._at(reference)
        return given if isinstance(given, dict) else {}

    def _at(self, reference: str) -> Any:  # noqa: ANN401 - any JSON
        if not reference.startswith("#/"):
            self.broken.add(reference)
            return {}
        found: Any = self.document
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
            match found:
                case dict() if name in found:
                    found = found[name]
                case list() if name.isdigit() and int(name) < len(found):
                    found = found[int(name)]
                case _:
                    self.broken.add(reference)
                    return {}
        return found

    def of_media(self, media: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
        """The body that a media type (or a parameter) has as its example, or one made from its schema."""
        if "example" in media:
            return media["example"]
        examples = media.get("examples")
        if isinstance(examples, dict):
            for each in examples.values():
                example = self.resolved(each)
                if "value" in example:
                    return example["value"]
        return self.of(media.get("schema"))

    def of(self, given: Any, depth: int = 0, path: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 - any JSON
        """A value that fits a schema. A cycle ends where it would begin again."""
        reference = given.get("$ref") if isinstance(given, dict) else None
        if isinstance(reference, str):
            if reference in path:
                return None
            path = (*path, reference)
        schema = self.resolved(given)
        for key in ("example", "default", "const"):
            if key in schema and _is_plain(schema[key]):
                return schema[key]
        for key in ("examples", "enum"):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][0]
        if depth > _DEEPEST:
            return None
        return self._of_combination(schema, depth, path) if _combined(schema) else self._of_type(schema, depth, path)

    def _of_combination(self, schema: dict[str, Any], depth: int, path: tuple[str, ...]) -> Any:  # noqa: ANN401
        own = {key: each for key, each in schema.items() if key not in {"allOf", "oneOf", "anyOf"}}
        parts = [own] if own.get("properties") or (own.get("type") and not schema.get("allOf")) else []
        parts += _listed(schema.get("allOf"))
        for key in ("oneOf", "anyOf"):
            options = [each for each in _listed(schema.get(key)) if self.resolved(each).get("type") != "null"]
            parts += options[:1]
        values: list[Any] = [self.of(each, depth, path) for each in parts]
        members: dict[str, Any] = {}
        for value in values:
            if isinstance(value, dict):
                members |= value
        first: Any = next((each for each in values if each is not None), None)
        return members or first

    def _of_type(self, schema: dict[str, Any], depth: int, path: tuple[str, ...]) -> Any:  # noqa: ANN401
        match _type_of(schema):
            case "object":
                return self._object(schema, depth, path)
            case "array":
                item = self.of(schema.get("items"), depth + 1, path)
                count = _whole(schema.get("minItems"), 1)
                return [] if item is None else [item] * min(max(count, 1), 5)
            case "integer" | "number" as kind:
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
        return _string(schema)

    def _object(self, schema: dict[str, Any], depth: int, path: tuple[str, ...]) -> dict[str, Any]:
        required = {each for each in _listed(schema.get("required")) if isinstance(each, str)}
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        members: dict[str, Any] = {}
        optional = 0
        for name, each in properties.items():
            if name not in required:
                optional += 1
                if optional > _MOST_OPTIONAL or self.resolved(each).get("readOnly") is True:
                    continue
            value = self.of(each, depth + 1, path)
            if value is not None or name in required:
                members[str(name)] = value
        extra = schema.get("additionalProperties")
        if not members and isinstance(extra, dict) and (value := self.of(extra, depth + 1, path)) is not None:
            members["key"] = value
        return members


def _is_plain(value: Any) -> bool:  # noqa: ANN401 - any JSON
    try:
        templated(value)
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _combined(schema: dict[str, Any]) -> bool:
    return any(_listed(schema.get(key)) for key in ("allOf", "oneOf", "anyOf"))


def _listed(given: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    return given if isinstance(given, list) else []


def _type_of(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _whole(given: Any, otherwise: int) -> int:  # noqa: ANN401 - any JSON
    return given if isinstance(given, int) and not isinstance(given, bool) and abs(given) < 1 << 53 else otherwise


def _number(schema: dict[str, Any], *, whole: bool) -> int | float:
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    value: int | float = 1
    if isinstance(lowest, int | float):
        value = max(value, lowest + (1 if schema.get("exclusiveMinimum") is True else 0))
    if isinstance(schema.get("exclusiveMinimum"), int | float) and schema["exclusiveMinimum"] is not True:
        value = max(value, schema["exclusiveMinimum"] + 1)
    if isinstance(highest, int | float):
        value = min(value, highest)
    step = schema.get("multipleOf")
    if isinstance(step, int | float) and step > 0:
        value = step * max(1, round(value / step))
    return round(value) if whole else value


def _string(schema: dict[str, Any]) -> str:
    kind = schema.get("format")
    if isinstance(kind, str) and kind in _FORMATS:
        return _FORMATS[kind]
    shortest, longest = _whole(schema.get("minLength"), 0), _whole(schema.get("maxLength"), 64)
    value = "string"
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        value = _of_pattern(pattern) or value
    if len(value) < shortest <= _LONGEST:
        value = (value * (shortest // len(value) + 1))[:shortest]
    return value[:longest] if longest > 0 else value


_SIMPLE: Final = re.compile(r"\^?((?:(?:\[[^\]]+\]|\\d|\\w|[\w@:/ -])(?:\{\d+(?:,\d*)?\}|[+*?])?)+)\$?")
_ATOM: Final = re.compile(r"(\[[^\]]+\]|\\d|\\w|[\w@:/ -])(\{(\d+)(?:,\d*)?\}|[+*?])?")


def _of_pattern(pattern: str) -> str | None:
    """A string that fits a simple pattern: classes and how often; None for others."""
    if len(pattern) > _LONGEST_PATTERN or not _SIMPLE.fullmatch(pattern):
        return None
    value = ""
    for atom, times, count in _ATOM.findall(pattern.strip("^$")):
        letter = "1" if atom == "\\d" else "a" if atom == "\\w" else atom
        if atom.startswith("["):
            letter = "a" if atom[1] in "^\\" else atom[1]
        value += letter * (min(int(count), 64) if count else 0 if times in {"*", "?"} else 1)
    try:
        return value if re.search(pattern, value) else None
    except re.error:
        return None


def as_string(value: Any) -> str:  # noqa: ANN401 - any JSON
    """A value as a parameter has it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return value
        case dict() | list():
            return json.dumps(value)
    return "" if value is None else str(value)

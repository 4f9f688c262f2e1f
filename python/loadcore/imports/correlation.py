"""Values that come from an earlier response: ids, tokens, cursors. The request before gets an extract for each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loadcore.imports.draft import Extract, Template, variable
from loadcore.imports.names import identifier, is_id, singular

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.imports.draft import Call

_SHORTEST: Final = 8
"""A shorter string, or a number, is only taken from a place that is called an id."""
_MOST_VALUES: Final = 20_000
"""Of one response."""
_LARGEST_RESPONSE: Final = 8 * 1024 * 1024
_IDS: Final = re.compile(
    r"(?:.*[_-])?"
    r"(?:id|uuid|guid|key|token|slug|cursor|code|ref|reference|hash|number|no|sku|handle|nonce)s?",
    re.IGNORECASE,
)
_HIDDEN: Final = re.compile(
    r"""<(?:input|meta)\b[^>]*?\bname=(["'])([\w.:\[\]-]{1,60})\1[^>]*?\b(?:value|content)=(["'])([^"'<>]{8,512})\3""",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Source:
    """Where a value was first seen."""

    call: Call
    extract: Extract
    key: str
    numeric: bool
    variable: str | None = None


@dataclass(slots=True)
class Correlator:
    """Remembers what responses held, and finds it again in requests."""

    sources: dict[str, _Source] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    """Values that a request had before any response: the user's own."""
    names: set[str] = field(default_factory=set)
    found: int = 0

    def learn(self, call: Call, text: str, headers: list[tuple[str, str]]) -> None:
        """Remembers the values of a response."""
        for name, value in headers:
            lower = name.lower()
            if lower in {"location", "etag"} or (lower.startswith("x-") and _IDS.fullmatch(lower)):
                self._keep(value, _Source(call, Extract("header", name), name, numeric=False))
        if len(text) > _LARGEST_RESPONSE:
            return
        start = text.lstrip()[:1]
        if start in {"{", "["}:
            try:
                document = json.loads(text)
            except (ValueError, RecursionError):
                return
            for count, (path, key, leaf) in enumerate(_leaves(document, "$", "", 0)):
                if count > _MOST_VALUES:
                    break
                self._keep(str(leaf), _Source(call, Extract("json", path), key, numeric=not isinstance(leaf, str)))
        elif start == "<":
            for found in _HIDDEN.finditer(text):
                name = found[2]
                pattern = rf"""name=["']{re.escape(name)}["'][^>]*?(?:value|content)=["']([^"']+)["']"""
                self._keep(found[4], _Source(call, Extract("regex", pattern), name, numeric=False))

    def source(self, value: str) -> tuple[Call, Extract] | None:
        """The call whose response had a value, and where; None if no response had it."""
        found = self.sources.get(value)
        return None if found is None else (found.call, found.extract)

    def find(self, value: str, name: str = "", *, how: str = "") -> Template | None:
        """The variable that takes a value's place in a later request; None if no response had it.

        Args:
            value: The value.
            name: What the request calls it; empty in a path.
            how: How it is put in: `json` for a value of JSON that is not a string.
        """
        source = self.sources.get(value)
        if source is None:
            self.sent.add(value)
            return None
        short = source.numeric or len(value) < _SHORTEST
        if short and name and not _IDS.fullmatch(_snake(name)):
            return None
        if source.variable is None:
            source.variable = self._named(source)
            source.call.extract[source.variable] = source.extract
            self.found += 1
        return variable(source.variable, how)

    def _keep(self, value: str, source: _Source) -> None:
        if value in self.sources or value in self.sent or not 1 <= len(value) <= 4096:  # noqa: PLR2004 - a token
            return
        called = _IDS.fullmatch(_snake(source.key)) is not None
        if (
            called
            or (len(value) >= _SHORTEST and is_id(value) and not value.isdigit())
            or source.extract.kind != "json"
        ):
            self.sources[value] = source

    def _named(self, source: _Source) -> str:
        key = identifier(source.key)
        if key in {"id", "uuid", "guid", "key", "slug", "code", "number", "ref"}:
            parts = re.findall(r"[A-Za-z][\w-]*", source.extract.where.rpartition(".")[0])
            parents = [
                *_words_of(source.call.url),
                *(each for each in parts if each not in {"data", "result", "items"}),
            ]
            if parents:
                key = f"{identifier(singular(parents[-1]))}_{key}"
        name, number = key, 1
        while name in self.names:
            number += 1
            name = f"{key}_{number}"
        self.names.add(name)
        return name


def _words_of(url: str) -> list[str]:
    path = url.partition("?")[0].partition("://")[2].partition("/")[2] if "://" in url else url
    return [
        each for each in path.split("/") if re.fullmatch(r"[A-Za-z][\w-]*", each) and not re.fullmatch(r"v\d+", each)
    ]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)


def _leaves(value: Any, path: str, key: str, depth: int) -> Iterator[tuple[str, str, str | int]]:  # noqa: ANN401
    if depth > 12:  # noqa: PLR2004 - deeper values are not ids of anything
        return
    match value:
        case dict():
            for name, each in value.items():
                yield from _leaves(each, path + member(name), name, depth + 1)
        case list():
            for index, each in enumerate(value[:20]):
                yield from _leaves(each, f"{path}[{index}]", key, depth + 1)
        case bool() | None | float():
            return
        case str() | int():
            yield path, key, value


def member(name: str) -> str:
    """A member in JSONPath."""
    if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        return f".{name}"
    escaped = json.dumps(name)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"['{escaped}']"

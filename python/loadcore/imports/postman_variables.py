"""Variables of a collection: values that it has, those that scripts set, and those of an environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from loadcore.imports.draft import Template, from_env, plain, variable
from loadcore.imports.names import environment_name, identifier
from loadcore.imports.secrets import names_secret

if TYPE_CHECKING:
    from loadcore.imports.secrets import Secrets

_VARIABLE: Final = re.compile(r"\{\{([^{}]{1,100})\}\}")
_DYNAMIC: Final = {
    "$guid": "{$uuid}",
    "$randomUUID": "{$uuid}",
    "$timestamp": "{$now}",
    "$isoTimestamp": "{$now}",
    "$randomInt": "{$random(0,1000)}",
}


@dataclass(slots=True)
class Variables:
    """The variables of one collection."""

    secrets: Secrets
    extracted: set[str]
    """Names that scripts set from a response."""
    values: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def add(self, given: Any) -> None:  # noqa: ANN401 - any JSON
        """Takes the values that a collection or a folder has."""
        for each in given if isinstance(given, list) else ():
            if isinstance(each, dict) and each.get("disabled") is not True:
                value = each.get("value")
                if value not in {None, ""} if isinstance(value, str | None) else True:
                    self.values.setdefault(str(each.get("key") or each.get("id") or ""), str(value))

    def inlined(self, text: str) -> str:
        """The text with the values that the collection has; credentials and extracted values stay variables."""
        for _ in range(5):
            replaced = _VARIABLE.sub(self._value, text)
            if replaced == text or len(replaced) > 1 << 20:
                break
            text = replaced
        return text

    def _value(self, found: re.Match[str]) -> str:
        name = found[1].strip()
        if name in self.extracted or names_secret(name):
            return found[0]
        return self.values.get(name, found[0])

    def template(self, text: str, name: str = "", *, url: bool = False, json: bool = False) -> Template:
        """A string of the collection: values inlined, credentials from the environment, the rest as variables."""
        text = self.inlined(text)
        if not _VARIABLE.search(text):
            return plain(quote(text, safe="/%:@!$&'()*+,;=~-._")) if url else self.secrets.text(text, name)
        pieces: list[str] = []
        position = 0
        for found in _VARIABLE.finditer(text):
            before = text[position : found.start()]
            pieces += [plain(quote(before, safe="/%:@!$&'()*+,;=~-._") if url else before)]
            pieces.append(self.reference(found[1].strip(), json=json))
            position = found.end()
        after = text[position:]
        pieces.append(plain(quote(after, safe="/%:@!$&'()*+,;=~-._") if url else after))
        return Template("".join(pieces))

    def reference(self, name: str, *, json: bool = False) -> Template:
        """What takes the place of `{{name}}`."""
        if name in _DYNAMIC:
            return Template(_DYNAMIC[name])
        if name.startswith("$"):
            return Template(f"{identifier(name)}-{{$counter}}")
        if name in self.extracted:
            return variable(identifier(name), "json" if json else "")
        if name in self.values:
            return self.secrets.hide(self.values[name], name)
        return self.missing(name)

    def missing(self, name: str) -> Template:
        """A variable that the collection has no value for."""
        known = environment_name(name)
        self.environment[known] = f"the variable {name[:60]!r} of the collection"
        return from_env(known)

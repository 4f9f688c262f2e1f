"""Credentials: found by where they are and by what they look like, and kept out of what is written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from loadcore.imports.draft import Template, from_env, plain
from loadcore.imports.names import environment_name

_NAMES = re.compile(
    r"pass(?:word|wd|phrase|code)?|pwd|pin|otp|secret|.*[-_.]?secret|client[-_]?secret|.*password.*|.*passwd"
    r"|(?:x[-_])?(?:.*[-_])?api[-_]?key|apikey|.*subscription[-_]?key|access[-_]?key|private[-_]?key|app[-_]?key"
    r"|.*token|token|jwt|auth|authorization|proxy[-_]?authorization|.*[-_]authorization|x[-_].*auth.*|bearer"
    r"|session[-_]?id|sessionid|sid|session|assertion|signature|sig|credentials?|cookie|set[-_]?cookie"
    r"|code[-_]?verifier|card[-_]?number|cvv|cvc",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"(?:page|continuation|next|sync|cancel).?token|token.?(?:type|url)", re.IGNORECASE)
_LOOKS = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"
    r"|\b(?:sk|pk|rk)_(?:live|test)_\w{8,}|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bxox[abprs]-[\w-]{10,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bglpat-[\w-]{16,}|\bsk-[\w-]{20,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
)
_SHORTEST = 6
_WORD = re.compile(r"[a-z]{1,16}|[A-Z][a-z]{1,15}|[A-Z]{1,16}")
"""Such a value, or a shorter one, is only replaced where it is named: elsewhere `password` is not a credential."""


def names_secret(name: str) -> bool:
    """Whether a header, a field or a parameter of this name holds a credential."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip().strip("[]"))
    return _NAMES.fullmatch(snake) is not None and _HARMLESS.fullmatch(snake) is None


@dataclass(slots=True)
class Secrets:
    """The credentials of one file, by the names they get in the environment."""

    names: dict[str, str] = field(default_factory=dict)
    """Values, and their names."""
    described: dict[str, str] = field(default_factory=dict)
    """Names, and what each is."""
    are_examples: bool = False
    """The file describes an API: its credentials are made up, so that fields of one name share a variable."""

    def hide(self, value: str, name: str, what: str = "") -> Template:
        """The variable of the environment that takes a credential's place."""
        base = environment_name(name)
        if self.are_examples and not _LOOKS.search(value):
            self.described.setdefault(base, what or name)
            return from_env(base)
        found = self.names.get(value) if value else None
        if found is None:
            found, number = base, 1
            while found in self.described:
                number += 1
                found = f"{base}_{number}"
            if value:
                self.names[value] = found
            self.described[found] = what or name
        return from_env(found)

    def text(self, value: str, name: str = "") -> Template:
        """A string of the file; a credential if it is called one or looks like one."""
        if value and name and names_secret(name):
            return self.hide(value, name)
        if _LOOKS.search(value):
            for each in _LOOKS.findall(value):
                self.hide(each, name if name and names_secret(name) else "token")
        return plain(value)

    def swept(self, template: Template) -> Template:
        """A template without any credential that was found anywhere in the file."""
        for value, name in self._longest_first():
            template = Template(template.replace(plain(value), from_env(name)))
        return template

    def masked(self, text: str) -> str:
        """A comment or a name without any credential."""
        for value, _ in self._longest_first():
            text = text.replace(value, "***")
        return _LOOKS.sub("***", text)

    def _longest_first(self) -> list[tuple[str, str]]:
        known = [
            (value, name)
            for value, name in self.names.items()
            if len(value) >= _SHORTEST and not _WORD.fullmatch(value)
        ]
        return sorted(known, key=lambda each: -len(each[0]))

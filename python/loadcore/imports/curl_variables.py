"""Variables of a shell script: what it assigns is filled in, the rest comes from the environment.

A variable without a value becomes a mark, a word that passes through URLs, JSON and forms as it is. The last look over
a draft replaces marks, as it does credentials.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from loadcore.imports.names import environment_name
from loadcore.imports.secrets import names_secret

if TYPE_CHECKING:
    from loadcore.imports.secrets import Secrets

_ASSIGNED: Final = re.compile(
    r"""^[ \t]*(?:(?:export|local|readonly)[ \t]+)?([A-Za-z_]\w*)=("(?:[^"\\`]|\\.)*"|'[^']*'|[^\s;&|"'`()]*)"""
    r"""[ \t]*(?=[;\n#]|$)""",
    re.MULTILINE,
)
_COMPUTED: Final = re.compile(
    r"^[ \t]*(?:(?:export|local|readonly)[ \t]+)?([A-Za-z_]\w*)=|\bfor[ \t]+(\w+)[ \t]+in\b", re.MULTILINE
)
_USED: Final = re.compile(r"(?<!\\)\$(?:\{(\w+)(?::?([-=?])([^{}]*))?\}|([A-Za-z_]\w*|[1-9](?!\d)))")
_BASE: Final = re.compile(r"(?:https?://(?:[^/?#:]*:)?)?__env_(\w+?)__[^/?#]*")
_DEEPEST: Final = 5


@dataclass(slots=True)
class Variables:
    """The variables of one script."""

    secrets: Secrets
    values: dict[str, str] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    """Names that the script gives a value, whether or not it is written out."""
    changed: dict[str, None] = field(default_factory=dict)
    """Those that the script gives several values."""
    bases: dict[str, None] = field(default_factory=dict)
    """Those without a value that URLs begin with."""

    def learn(self, text: str) -> None:
        """Takes the values that a script assigns; the first one of each name."""
        self.assigned |= {name for found in _COMPUTED.finditer(text) for name in found.groups() if name}
        for name, given in _ASSIGNED.findall(text):
            value = re.sub(r'\\(["\\$`])', r"\1", given[1:-1]) if given[:1] == '"' else given.strip("'")
            own = _USED.fullmatch(value)
            if own is not None and own[1] == name:
                value = own[3] if own[2] in {"-", "="} else ""
            # The name that the script gives to `$1` says more than `$1`.
            counts = value and not (given.startswith("'") and "$" in value) and not re.fullmatch(r"\$\{?\d\}?", value)
            if counts and self.values.setdefault(name, value) != value:
                self.changed[name] = None

    def filled(self, text: str, *, quoted: bool) -> str:
        """Text of a script, within double quotes or outside of any, with values and marks in place of variables."""

        def shown(found: re.Match[str]) -> str:
            value = self._value(found, 0)
            if value == found[0]:
                return value
            if quoted:
                return re.sub(r'(["\\$`])', r"\\\1", value)
            return " ".join(map(shlex.quote, value.split()))

        return _USED.sub(shown, text)

    def _value(self, found: re.Match[str], depth: int) -> str:
        name, how, default = found[1] or found[4], found[2], found[3]
        # `"?$filter=…"` is an operator of the API: a shell would send nothing there, which no one means.
        if found[4] and not (name.isupper() or name.isdigit() or name in self.assigned):
            return found[0]
        known = self.values.get(name) or (default if how in {"-", "="} else None)
        if known is None or names_secret(name) or depth > _DEEPEST:
            return self._mark(name)
        return _USED.sub(lambda inner: self._value(inner, depth + 1), known)

    def _mark(self, name: str) -> str:
        known = environment_name(f"argument_{name}" if name.isdigit() else name)
        mark = f"__env_{known}__"
        self.secrets.names.setdefault(mark, known)
        self.secrets.described.setdefault(known, f"the variable {name} of the script")
        return mark

    def without_base(self, url: str) -> str | None:
        """The path of a URL that begins with a variable without a value; None for others."""
        found = _BASE.match(url)
        if found is None:
            return None
        self.bases[found[1]] = None
        return url[found.end() :] or "/"

"""Names: of variables in Python and in strings, of the environment, and of steps with varying URLs."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata

_WORD = re.compile(r"[A-Za-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ID = re.compile(
    r"\d+|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{12,}|(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{16,}"
)
_LONGEST = 40
_USED = frozenset({
    "anonymous", "api_key", "arrival_rate", "arrival_stages", "basic", "bearer", "delete", "env", "get", "group",
    "head", "iterations", "login", "oauth2_client_credentials", "oauth2_password", "options", "patch", "post", "put",
    "request", "response", "rows_feeder", "think", "upload", "user_stages", "users",
})  # fmt: skip
"""What a scenario imports."""


def identifier(text: str, otherwise: str = "value") -> str:
    """A name for Python and for variables, whatever the file calls it."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = _WORD.findall(_CAMEL.sub("_", ascii_only))
    name = "_".join(words).lower()[:_LONGEST].strip("_")
    if not name or not name[0].isalpha():
        name = f"{otherwise}_{name}".strip("_")
    return f"{name}_" if keyword.iskeyword(name) else name


def identifiers(texts: list[str]) -> list[str]:
    """A name for each, no two alike, and none that the file needs for something else."""
    taken: set[str] = set()
    return [unique(identifier(text, "scenario"), taken) for text in texts]


def unique(name: str, taken: set[str]) -> str:
    """The name, with a number behind it if it is taken; it is taken then."""
    number, chosen = 1, name
    while chosen in taken or chosen in _USED or hasattr(builtins, chosen):
        number += 1
        chosen = f"{name}_{number}"
    taken.add(chosen)
    return chosen


def environment_name(text: str) -> str:
    """A name for the environment."""
    return identifier(text, "secret").upper().strip("_")


def is_id(segment: str) -> bool:
    """Whether a segment of a path is one of many, as a number or a UUID."""
    return _ID.fullmatch(segment) is not None


def singular(word: str) -> str:
    """A collection's member, roughly: `users` has users."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if word.endswith(ending) and not word.endswith("ss") and len(word) > len(ending) + 1:
            return word[: -len(ending)] + instead
    return word


def templated_path(path: str) -> str | None:
    """The path with `{id}` in place of ids; None if it has none."""
    parts = path.split("/")
    shown = ["{id}" if is_id(each) else each for each in parts]
    return "/".join(shown) if shown != parts else None

"""Names from scenarios and targets, made safe for the languages that documents are written in."""

from __future__ import annotations

import re
from html import escape

_MARKDOWN = re.compile(r"([\\`*_\[\]|~#])")
_BREAKS = re.compile(r"\s*[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+\s*")


def one_line(text: str) -> str:
    """The text without line breaks and other control characters."""
    joined = _BREAKS.sub(" ", text)
    return "".join(character if character.isprintable() else " " for character in joined)


def markdown(text: str) -> str:
    """The text as Markdown that shows it as it is, in a table's cell too."""
    return _MARKDOWN.sub(r"\\\1", escape(one_line(text), quote=False)).replace("@", "&#64;")

"""Python as ruff formats it: on one line where it fits, else one item a line with a comma behind each."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from typing import TypeAlias

WIDTH = 88
"""Ruff's own default. A longer line length changes nothing: each item has its comma."""
_SPLIT_ABOVE = 120
_LONGEST_STRING = 64
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff]+")


@dataclass(slots=True)
class Item:
    """One item between brackets: its name with what follows it, its value, and the comments above."""

    node: Node
    prefix: str = ""
    comments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Brackets:
    """A call, a list or a dictionary."""

    opening: str
    items: list[Item]
    closing: str
    tail: list[str] = field(default_factory=list)
    """Comments behind the last item."""


@dataclass(slots=True)
class Text:
    """A string, which may be broken where it is long."""

    value: str


Node: TypeAlias = "str | Text | Brackets"


def literal(text: str) -> str:
    """A Python string, in the quotes that ruff prefers, whatever the string holds."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(each, quote) for each in text) + quote


def call(function: str, *items: Item | None) -> Brackets:
    """A call; items that are None are left out."""
    return Brackets(f"{function}(", [each for each in items if each is not None], ")")


def listed(nodes: list[Node]) -> Brackets:
    """A list."""
    return Brackets("[", [Item(each) for each in nodes], "]")


def mapping(pairs: list[tuple[str, Node]]) -> Brackets:
    """A dictionary with strings as its keys."""
    return Brackets("{", [Item(node, f"{literal(name)}: ") for name, node in pairs], "}")


def rendered(node: Node, prefix: str = "", indent: int = 0, suffix: str = "") -> str:
    """The lines of a statement or an item."""
    margin = " " * indent
    flat = _flat(node)
    if flat is not None and len(margin) + len(prefix) + len(flat) + len(suffix) <= WIDTH:
        return f"{margin}{prefix}{flat}{suffix}"
    match node:
        case Brackets() if node.items or node.tail:
            lines = [f"{margin}{prefix}{node.opening}"]
            for item in node.items:
                lines += comment_lines(item.comments, indent + 4)
                lines.append(rendered(item.node, item.prefix, indent + 4, ","))
            lines += comment_lines(node.tail, indent + 4)
            return "\n".join([*lines, f"{margin}{node.closing}{suffix}"])
        case Text() if prefix and len(flat or "") > _SPLIT_ABOVE and len(pieces := _pieces(node.value)) > 1:
            inner = "\n".join(f"{margin}    {literal(each)}" for each in pieces)
            return f"{margin}{prefix}(\n{inner}\n{margin}){suffix}"
    return f"{margin}{prefix}{flat}{suffix}"


def comment_lines(comments: list[str], indent: int = 0) -> list[str]:
    """Comments, each wrapped; nothing in them can end one."""
    margin = " " * indent
    lines: list[str] = []
    for each in comments:
        text = _UNPRINTABLE.sub(" ", each).encode("utf-8", "replace").decode()
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=f"{margin}# ", subsequent_indent=f"{margin}#   ", break_on_hyphens=False
        )
    return lines


def _flat(node: Node) -> str | None:
    match node:
        case str():
            return node
        case Text():
            return literal(node.value)
    if node.tail or any(each.comments for each in node.items):
        return None
    inner = [(each.prefix, _flat(each.node)) for each in node.items]
    if any(text is None for _, text in inner):
        return None
    return node.opening + ", ".join(f"{prefix}{text}" for prefix, text in inner) + node.closing


def _pieces(text: str) -> list[str]:
    """A long string in pieces: its lines, and these by length."""
    pieces: list[str] = []
    for line in text.splitlines(keepends=True):
        pieces += [line[start : start + _LONGEST_STRING] for start in range(0, len(line), _LONGEST_STRING)]
    return pieces


_LAST_OF_TWO = 0xFF
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def _escaped(character: str, quote: str) -> str:
    if character == quote:
        return f"\\{character}"
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    number = ord(character)
    if number > 0xFFFF:  # noqa: PLR2004 - the last of four digits
        return f"\\U{number:08x}"
    return f"\\u{number:04x}" if number > _LAST_OF_TWO else f"\\x{number:02x}"

"""Object literals of JavaScript as values. Nothing is run: what is not a literal is unknown."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import Any, Final

UNKNOWN: Final = object()
"""The value of what is not a literal, such as a call."""

_TOKEN: Final = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)"
    r"|(?P<name>[A-Za-z_$][\w$]*)"
    r"|(?P<mark>\.\.\.|=>|\?\?|\|\||&&|[{}\[\](),:;?.+*/%<>=!-]|.)",
    re.DOTALL,
)
_CONSTANTS: Final = {"true": True, "false": False, "null": None, "undefined": None}
_OPENING: Final = {"{": "}", "[": "]", "(": ")"}
_DEEPEST: Final = 40
_LONGEST: Final = 200_000


class NotALiteral(Exception):  # noqa: N818 - reads as what happened
    """The text ends, or is not JavaScript, within a literal."""


@dataclass(slots=True)
class Reader:
    """Reads the literal that begins at a place of a script."""

    script: str
    known: dict[str, Any] = field(default_factory=dict)
    """Constants of the script, by name."""
    tokens: list[tuple[str, str]] = field(default_factory=list)
    position: int = 0

    def at(self, start: int) -> Any:  # noqa: ANN401 - any literal
        """The value of the expression at a place.

        Raises:
            NotALiteral: The script ends within it.
        """
        found = _TOKEN.finditer(self.script[start : start + _LONGEST])
        self.tokens = [(each.lastgroup or "", each[0]) for each in found if each.lastgroup != "skip"]
        self.position = 0
        return self._expression(0)

    def _next(self) -> tuple[str, str]:
        if self.position >= len(self.tokens):
            raise NotALiteral
        self.position += 1
        return self.tokens[self.position - 1]

    def _peek(self) -> str:
        return self.tokens[self.position][1] if self.position < len(self.tokens) else ""

    def _expression(self, depth: int) -> Any:  # noqa: ANN401 - any literal
        """One value; of alternatives (`__ENV.X || 5`) the first that is known."""
        value = self._operand(depth)
        while (operator := self._peek()) not in {",", "}", "]", ")", ";", "", ":"}:
            if operator in {"||", "??"}:
                self._next()
                other = self._operand(depth)
                value = other if value is UNKNOWN or value is None else value
            elif operator in {"*", "+", "-", "/"}:
                self._next()
                value = _calculated(value, operator, self._operand(depth))
            elif self._begins_a_line():
                break
            else:
                self._skip(depth)
                return UNKNOWN
        return value

    def _begins_a_line(self) -> bool:
        return self._peek() in {"export", "const", "let", "var", "function", "import"}

    def _operand(self, depth: int) -> Any:  # noqa: ANN401 - any literal
        if depth > _DEEPEST:
            raise NotALiteral
        kind, mark = self._next()
        value: Any = UNKNOWN
        if kind == "number":
            value = _number(mark)
        elif kind == "string":
            value = _string(mark)
        elif mark == "{":
            value = self._object(depth + 1)
        elif mark == "[":
            value = self._array(depth + 1)
        elif mark == "-":
            inner = self._operand(depth + 1)
            value = -inner if isinstance(inner, int | float) else UNKNOWN
        elif mark == "(":
            value = self._expression(depth + 1)
            self._expect(")")
        elif kind == "name":
            value = self._name(mark, depth)
        return value

    def _name(self, name: str, depth: int) -> Any:  # noqa: ANN401 - any literal
        value = _CONSTANTS[name] if name in _CONSTANTS else self.known.get(name, UNKNOWN)
        while self._peek() in {".", "[", "("}:
            opening = self._next()[1]
            if opening == "." and isinstance(value, dict):
                value = value.get(self._next()[1], UNKNOWN)
                continue
            inside = self._next() if opening == "." else None
            if inside is None:
                only = self._arguments(_OPENING[opening], depth)
                is_number = name in {"Number", "parseInt", "parseFloat", "String"} and opening == "("
                value = only if is_number else UNKNOWN
                if name in {"Number", "parseInt", "parseFloat"} and isinstance(only, str):
                    value = _number(only) if re.fullmatch(r"\d+(?:\.\d+)?", only) else UNKNOWN
            else:
                value = UNKNOWN
        return value

    def _arguments(self, closing: str, depth: int) -> Any:  # noqa: ANN401 - any literal
        """The first argument; all of them are passed over."""
        first: Any = UNKNOWN
        if self._peek() != closing:
            first = self._expression(depth + 1)
        while self._peek() != closing:
            self._skip_one()
        self._next()
        return first

    def _object(self, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while True:
            kind, mark = self._next()
            if mark == "}":
                return members
            if mark == ",":
                continue
            if mark == "...":
                spread = self._expression(depth)
                members |= spread if isinstance(spread, dict) else {"...": UNKNOWN}
                continue
            name = str(_string(mark)) if kind == "string" else mark
            if self._peek() == ":":
                self._next()
                members[name] = self._expression(depth)
            elif self._peek() in {",", "}"}:
                members[name] = self.known.get(name, UNKNOWN)
            else:
                self._skip(depth)
                members[name] = UNKNOWN

    def _array(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while True:
            if self._peek() == "]":
                self._next()
                return items
            if self._peek() == ",":
                self._next()
                continue
            items.append(self._expression(depth))

    def _expect(self, mark: str) -> None:
        while self._next()[1] != mark:
            pass

    def _skip(self, depth: int) -> None:
        """Passes over what is left of an expression."""
        if depth > _DEEPEST:
            raise NotALiteral
        while self._peek() not in {",", "}", "]", ")", ";", ""}:
            self._skip_one()

    def _skip_one(self) -> None:
        """Passes over a mark, or all that is between brackets."""
        open_marks = 0
        while True:
            _, mark = self._next()
            open_marks += (mark in _OPENING) - (mark in _OPENING.values())
            if open_marks <= 0:
                return


def _calculated(left: Any, mark: str, right: Any) -> Any:  # noqa: ANN401 - any literal
    if mark == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, bool | str) or isinstance(right, bool | str):
        return UNKNOWN
    if not isinstance(left, int | float) or not isinstance(right, int | float) or (mark == "/" and right == 0):
        return UNKNOWN
    return {"*": left * right, "+": left + right, "-": left - right, "/": left / right if right else 0}[mark]


def _number(mark: str) -> int | float:
    plain = mark.replace("_", "")
    if plain[:2].lower() == "0x":
        return int(plain, 16)
    value = float(plain)
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


def _string(mark: str) -> Any:  # noqa: ANN401 - a string, or unknown
    if mark[0] == "`":
        return UNKNOWN if "${" in mark else mark[1:-1]
    try:
        return str(ast.literal_eval(mark))
    except (ValueError, SyntaxError):
        return mark[1:-1]

"""What a value of an option should have been, in our words rather than in those of pydantic."""

from enum import Enum
from typing import Any

# typer exports none of the types of parameters.
# ruff: noqa: ANN401


def expected(value: Any, kind: Any, info: Any) -> str | None:
    """What a value should have been that typer has refused; None if typer knows better."""
    if kind is int:
        return f'expected a whole number{_range(info.min, info.max)}, got "{value}"'
    if isinstance(kind, type) and issubclass(kind, Enum):
        words = [str(each.value) for each in kind]
        return f'expected {", ".join(words[:-1])} or {words[-1]}, got "{value}"'
    return None


def _range(least: float | None, most: float | None) -> str:
    if least is not None:
        return f" from {least:,} to {most:,}" if most is not None else f" from {least:,}"
    return f" up to {most:,}" if most is not None else ""

"""Colour for terminals, by the role of a string."""

from __future__ import annotations

from rich.color import ColorSystem
from rich.style import Style

from loadcore.report.layout import Role

_STYLES = {
    Role.GOOD: Style(color="green", bold=True),
    Role.BAD: Style(color="red", bold=True),
    Role.WARNING: Style(color="yellow"),
    Role.HEADING: Style(bold=True),
    Role.QUIET: Style(dim=True),
}


def painted(text: str, role: Role) -> str:
    """The text between the escape sequences of its role's colour."""
    return _STYLES[role].render(text, color_system=ColorSystem.STANDARD)

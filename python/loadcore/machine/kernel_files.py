"""The small files in which the kernel tells about itself: each read whole, as text or as a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def text_of(path: Path) -> str | None:
    """The content of a file; None where the kernel does not have it, or does not show it to us."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def number_in(path: Path) -> int | None:
    """The number that a file holds; None where it holds another word, as `max`, or cannot be read."""
    text = (text_of(path) or "").strip()
    return int(text) if text.isdigit() else None

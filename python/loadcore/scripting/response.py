"""What a request gives back."""

from __future__ import annotations

from typing import final

from loadcore.scripting.reading import Reading


@final
class Response(Reading):
    """What came back. A fault is a value: only reading what never arrived raises."""

    __slots__ = ("_content", "_headers", "_json")

"""What a request gives back: the request itself, once its response is there."""

from __future__ import annotations

from typing import final

from loadcore.engine import Call
from loadcore.scripting.reading import Reading


@final
class Response(Reading, Call):
    """What came back. A fault is a value: only reading what never arrived raises."""

    # With a place of its own, each would be tracked by the garbage collector.
    __slots__ = ()

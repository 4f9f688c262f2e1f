"""A plain line every few seconds, for logs and pipes."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from loadcore.live.view import FrameListener

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.live.frame import Frame
    from loadcore.live.heading import Heading

PERIOD_S = 5
"""Seconds between lines."""

PERIOD_IN_CI_S = 10
"""The same where a log is kept for ever."""


class LinesView(FrameListener):
    """Prints a line every few seconds, and messages as they come.

    Args:
        heading: What is known of the run before it starts.
        write: Prints a line.
        period_s: Seconds between lines.
    """

    def __init__(self, heading: Heading, write: Callable[[str], None], period_s: int = PERIOD_S) -> None:
        super().__init__(heading)
        self._write = write
        self._period_s = period_s

    def show(self, frame: Frame) -> None:
        """Prints the frame if it is time."""
        if frame.second % self._period_s == 0:
            # What draws imports much, which the first request does not wait for.
            from loadcore.live.drawing import line  # noqa: PLC0415

            self._write(line(frame))

    def on_message(self, text: str) -> None:
        """Prints the message."""
        self._write(text)


class JsonLinesView(FrameListener):
    """Prints every second as one JSON object, for programs.

    Args:
        heading: What is known of the run before it starts.
        write: Prints a line.
    """

    def __init__(self, heading: Heading, write: Callable[[str], None]) -> None:
        super().__init__(heading)
        self._write = write

    def show(self, frame: Frame) -> None:
        """Prints the frame."""
        self._write(json.dumps({"kind": "window", **asdict(frame)}))

    def on_message(self, text: str) -> None:
        """Prints the message."""
        self._write(json.dumps({"kind": "message", "message": text}))

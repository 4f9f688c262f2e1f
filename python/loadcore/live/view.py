"""What the three live views have in common: they listen, and keep what they heard as frames."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from loadcore.live.listeners import Listener

if TYPE_CHECKING:
    from loadcore.engine import Description
    from loadcore.live.frame import Frame
    from loadcore.live.heading import Heading

HISTORY = 20
"""Frames that are kept: as many as the small curves have characters."""


class FrameListener(Listener):
    """Follows a run and keeps its last seconds as frames. What is done with them is for the subclass.

    Args:
        heading: What is known of the run before it starts.
    """

    def __init__(self, heading: Heading) -> None:
        self.heading = heading
        self.frames: list[Frame] = []
        # Drawn by one thread, fed by another.
        self._lock = threading.Lock()

    def on_start(self, description: Description) -> None:
        """The run begins."""
        end_ns = description.planned_end_ns
        self.heading = replace(self.heading, planned_s=end_ns / 1e9 if end_ns else None)

    def on_window(self, frame: Frame, second: int) -> None:  # noqa: ARG002 - a frame has its second
        """A second is complete."""
        with self._lock:
            self.frames = [*self.frames[-(HISTORY - 1) :], frame]
        self.show(frame)

    def show(self, frame: Frame) -> None:
        """A new frame is there."""

    def close(self) -> None:
        """Nothing more will be shown. May be called more than once, and without a start."""

"""The live view of a terminal: redrawn in place, four times a second, and gone when the summary comes."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from loadcore.live.drawing import draw
from loadcore.live.view import FrameListener
from loadcore.report.glyphs import printable

if TYPE_CHECKING:
    from loadcore.engine import Description
    from loadcore.live.frame import Heading
    from loadcore.report.layout import Page

REDRAWS_PER_S = 4
"""A redraw costs about 9 ms of CPU; more than a few of them a second nobody can read."""


class TerminalView(FrameListener):
    """Draws the run on a terminal. Scrollback stays as it was: there is no alternate screen.

    Args:
        heading: What is known of the run before it starts.
        stream: The terminal.
        page: Its width, characters and colours.
    """

    def __init__(self, heading: Heading, stream: TextIO, page: Page) -> None:
        super().__init__(heading)
        self._page = page
        self._began: float | None = None
        console = Console(file=stream, force_terminal=True, width=page.width + 1, legacy_windows=False)
        self._live = Live(
            console=console,
            get_renderable=self._renderable,
            refresh_per_second=REDRAWS_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def on_start(self, description: Description) -> None:
        """Begins to draw."""
        super().on_start(description)
        self._began = time.monotonic()
        self._live.start()

    def on_message(self, text: str) -> None:
        """Puts the message above the view, where it stays."""
        self._live.console.print(Text(printable(text, self._page.glyphs)))

    def close(self) -> None:
        """Takes the view away. If the terminal is gone, so is the view."""
        with contextlib.suppress(OSError):
            self._live.stop()

    def _renderable(self) -> Text:
        elapsed_s = time.monotonic() - self._began if self._began is not None else 0.0
        with self._lock:
            frames = self.frames
        return Text.from_ansi("\n".join(draw(self.heading, frames, elapsed_s, self._page)))

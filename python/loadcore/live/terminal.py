"""The live view of a terminal: redrawn in place, four times a second, and gone when the summary comes."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from loadcore.live.view import FrameListener
from loadcore.report.glyphs import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadcore.engine import Description
    from loadcore.live.heading import Heading
    from loadcore.report.layout import Page

REDRAWS_PER_S = 4
"""No one can read more than a few of them a second."""

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_ERASE_BELOW, _ERASE_REST = "\x1b[J", "\x1b[K"


_CLEAR = "\x1b[H\x1b[2J"
_TEXTS = 20
"""Lines above the block that are kept."""
_ROWS = 60
"""Of what tells no size."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def cells_of(line: str) -> int:
    """How many cells a line takes; colours take none."""
    from rich.cells import cell_len  # noqa: PLC0415 - as `draw` below

    return cell_len(_COLOUR.sub("", line))


class Block:
    """Lines at the end of a terminal that are drawn over the ones before.

    A terminal that gets narrower breaks the lines it has, so how many rows to go up is worked out from the width it
    has by then. What got too long for it left at its top, and comes back when it grows: then it is cleared, and the
    lines above the block are written again. Lines never fill a row: where the cursor is after a full row differs
    between terminals.

    Args:
        write: Takes what goes to the terminal.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._widths: list[int] = []
        self._above: deque[str] = deque(maxlen=_TEXTS)
        self._left_at: tuple[int, int] | None = None
        """The size at which lines left at the top."""

    def draw(self, lines: Sequence[str], columns: int, rows: int) -> None:
        """Draw lines in place of the last ones. None of them may take as many cells as there are columns."""
        text = "".join(f"{line}{_ERASE_REST}\n" for line in lines)
        self._write(f"{_HIDE_CURSOR}{self._to_the_top(columns, rows)}{text}{_ERASE_BELOW}")
        self._widths = [cells_of(line) for line in lines]

    def above(self, text: str, columns: int, rows: int) -> None:
        """Put a line where the block is; the next one is drawn below it."""
        self._write(f"{self._to_the_top(columns, rows)}{_ERASE_BELOW}{text}\n")
        self._widths = []
        self._above.append(text)

    def erase(self, columns: int, rows: int) -> None:
        """Take the block away, and give the cursor back."""
        self._write(f"{self._to_the_top(columns, rows)}{_ERASE_BELOW}{_SHOW_CURSOR}")
        self._widths = []

    def _to_the_top(self, columns: int, rows: int) -> str:
        if self._left_at is not None and (columns > self._left_at[0] or rows > self._left_at[1]):
            self._left_at = None
            return _CLEAR + "".join(f"{text}\n" for text in self._above)
        up = sum(max(1, -(-width // columns)) for width in self._widths)
        if up >= rows:  # The cursor is in the row below the block.
            self._left_at = columns, rows
        return f"\r\x1b[{up}A" if up else "\r"


class TerminalView(FrameListener):
    """Draws the run on a terminal. Scrollback stays as it was: there is no alternate screen.

    Args:
        heading: What is known of the run before it starts.
        stream: The terminal.
        page: Its width for now, characters and colours.
        widest: No line is longer, however wide the terminal gets; as the page is if None.
    """

    def __init__(self, heading: Heading, stream: TextIO, page: Page, widest: int | None = None) -> None:
        super().__init__(heading)
        self._page = page
        self._widest = widest or page.width
        self._stream = stream
        self._began: float | None = None
        self._block = Block(self._put)
        self._drawing = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def on_start(self, description: Description) -> None:
        """Begins to draw."""
        super().on_start(description)
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._redraw, name="live", daemon=True)
        self._thread.start()

    def on_message(self, text: str) -> None:
        """Puts the message above the view, where it stays."""
        with self._drawing:
            self._block.above(printable(text, self._page.glyphs), *self._size())
            if self._thread is not None:
                self._draw()

    def close(self) -> None:
        """Takes the view away. If the terminal is gone, so is the view."""
        self._ended.set()
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        with self._drawing:
            self._draw()
            self._block.erase(*self._size())

    def _redraw(self) -> None:
        while not self._ended.is_set():
            with self._drawing:
                self._draw()
            self._ended.wait(1 / REDRAWS_PER_S)

    def _draw(self) -> None:
        # What draws imports much, which the first request does not wait for.
        from loadcore.live.drawing import draw  # noqa: PLC0415
        from loadcore.report.layout import cut  # noqa: PLC0415

        columns, rows = self._size()
        elapsed_s = time.monotonic() - self._began if self._began is not None else 0.0
        with self._lock:
            frames = self.frames
        page = replace(self._page, width=max(1, min(self._widest, columns - 1)))
        lines = draw(self.heading, frames, elapsed_s, page, max(1, rows - 1))
        fitting = [
            each if cells_of(each) < columns else cut(_COLOUR.sub("", each), page.width, page.glyphs) for each in lines
        ]
        self._block.draw(fitting, columns, rows)

    def _size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        with contextlib.suppress(OSError, ValueError):
            found = os.get_terminal_size(self._stream.fileno())
            if found.columns and found.lines:
                return found.columns, found.lines
        return self._page.width + 1, _ROWS

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # A terminal that is closed shows nothing.
            self._stream.write(text)
            self._stream.flush()

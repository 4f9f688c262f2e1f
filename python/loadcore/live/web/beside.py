"""Starts the page of a run in a process of its own, beside the run: it cannot slow, hang or fail it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from loadcore.live.listeners import Listener

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadcore.engine import Description


class PageBeside(Listener):
    """Shows a run in the browser while it runs. Whatever becomes of the page, the run continues.

    Args:
        tell: Takes the address of the page, or why there is none, as one line.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._path: Path | None = None

    def on_folder(self, path: Path) -> None:
        """The run has its folder."""
        self._path = path

    def on_start(self, description: Description) -> None:  # noqa: ARG002 - the page reads it from the folder
        """Starts the page, and does not wait for it."""
        command = [sys.executable, "-m", "loadcore", "ui", str(self._path), "--leave", "--color", "never"]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C ends the run, and the page shows how it ended.
            )
        except OSError as problem:
            self._tell(f"the live page cannot be shown: {problem.strerror or problem}")
            return
        threading.Thread(target=self._introduce, args=(process,), name="live page", daemon=True).start()

    def _introduce(self, process: subprocess.Popen[str]) -> None:
        """Say where the page is, as soon as it says so itself."""
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        assert process.stderr is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(OSError, ValueError):
            address = process.stdout.readline().strip()
            if address:
                self._tell(f"live page: {address}")
            else:
                said = process.stderr.read().splitlines() or ["error: it ended at once"]
                self._tell(f"the live page cannot be shown: {said[0].removeprefix('error: ')}")

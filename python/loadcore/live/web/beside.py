"""Starts the page of a run in a process of its own, beside the run: it cannot slow, hang or fail it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from loadcore.errors import LimitsError
from loadcore.live.listeners import Listener
from loadcore.live.web.place import listen

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
        """Starts the page, and does not wait for it: who opens its address before it is ready waits there."""
        try:
            place = listen()
        except LimitsError as problem:
            self._tell(f"the live page cannot be shown: {problem}")
            return
        address = place.address
        with place.socket:
            told = json.dumps({"folder": str(self._path), "socket": place.socket.fileno(), "token": place.token})
            try:
                process = subprocess.Popen(
                    [sys.executable, "-m", "loadcore.live.web.process"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                    pass_fds=(place.socket.fileno(),),
                    # Ctrl-C ends the run, and the page shows how it ended. Not a session of its own: Linux shares
                    # cores out by session, and within one alone by how urgent a thread is.
                    process_group=0,
                )
            except OSError as problem:
                self._tell(f"the live page cannot be shown: {problem.strerror or problem}")
                return
        self._tell(f"live page: {address}")
        threading.Thread(target=self._attend, args=(process, told), name="live page", daemon=True).start()

    def _attend(self, process: subprocess.Popen[str], told: str) -> None:
        """Tell the page what to show, and whoever runs this if it fails."""
        with contextlib.suppress(OSError, ValueError):
            _, said = process.communicate(told)
            if process.returncode:
                last = said.strip().splitlines() or ["it ended at once"]
                self._tell(f"the live page has ended: {last[-1]}")

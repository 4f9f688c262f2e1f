"""uvicorn as a child process: it says when it is ready and ends with its parent."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

import uvicorn

_ORPHAN_PATIENCE_S = 2.0


class ChildServer(uvicorn.Server):
    """A server whose parent speaks through its standard input and output.

    SIGTERM ends it after the requests in flight. SIGINT does nothing: Ctrl-C in a terminal reaches the whole process
    group, and it is the parent who drains. When standard input ends, the parent is gone and the server stops.

    Args:
        config: As of uvicorn.
        ready_line: Written to standard output when requests are accepted.
    """

    def __init__(self, config: uvicorn.Config, ready_line: str) -> None:
        super().__init__(config)
        self._ready_line = ready_line

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen, and says so."""
        await super().startup(sockets)
        if self.started:
            threading.Thread(target=self._wait_for_orphanage, daemon=True, name="orphan-watch").start()
            sys.stdout.write(self._ready_line + "\n")
            sys.stdout.flush()

    def _wait_for_orphanage(self) -> None:
        while os.read(0, 4096):
            pass
        self.should_exit = True
        time.sleep(_ORPHAN_PATIENCE_S)
        self.force_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handles SIGTERM and ignores SIGINT, instead of handling both."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield

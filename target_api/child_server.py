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

    SIGTERM ends it after the requests in flight. With a parent, SIGINT does nothing: Ctrl-C in a terminal reaches the
    whole process group, and it is the parent who drains; and when standard input ends, the parent is gone and the
    server stops. Without one, in a container or as a service, standard input is often /dev/null and says nothing.

    Args:
        config: As of uvicorn.
        ready_line: Written to standard output when requests are accepted.
        exit_with_parent: Whether the other end of standard input is a parent.
    """

    def __init__(self, config: uvicorn.Config, ready_line: str, *, exit_with_parent: bool = True) -> None:
        super().__init__(config)
        self._ready_line = ready_line
        self._exit_with_parent = exit_with_parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen, and says so."""
        await super().startup(sockets)
        if self.started:
            if self._exit_with_parent:
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
        """Handles SIGTERM, and SIGINT only without a parent."""
        signal.signal(signal.SIGINT, signal.SIG_IGN if self._exit_with_parent else self.handle_exit)
        signal.signal(signal.SIGTERM, self.handle_exit)
        yield

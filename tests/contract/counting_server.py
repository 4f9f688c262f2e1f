"""A target on loopback that counts what it is asked."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class CountingServer(ThreadingHTTPServer):
    """Answers 404 to paths that begin with `/missing`, 200 to all others.

    `asked` counts requests by path, `traceparents` has their headers of that name.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.traceparents: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._lock = threading.Lock()

    def count(self, path: str, traceparent: str | None = None) -> None:
        """Count one request."""
        with self._lock:
            self.asked[path] += 1
            self.traceparents += [] if traceparent is None else [traceparent]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: CountingServer

    def do_GET(self) -> None:
        self.server.count(self.path, self.headers.get("traceparent"))
        status = 404 if self.path.startswith("/missing") else 200
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: 5\r\n\r\n"
        self.wfile.write(head.encode() + b"hello")


@contextmanager
def counting_server() -> Iterator[CountingServer]:
    """A server that listens for as long as the block lasts."""
    with CountingServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

"""A target that answers by path, in a thread of the test."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator


class _Answers(BaseHTTPRequestHandler):
    """`/503` answers with that status, `/slow` after 200 ms, everything else with 200 at once."""

    protocol_version = "HTTP/1.1"
    # Head and body leave in two writes; with Nagle's algorithm the second would wait for the client's delayed ACK.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answers by path."""
        if self.path == "/slow":
            time.sleep(0.2)
        self.send_response(int(self.path[1:]) if self.path[1:].isdigit() else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_POST(self) -> None:
        """Takes the body, then answers as for GET."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Keeps quiet."""


@contextmanager
def small_target(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The base URL of a target that is there as long as the block runs.

    Args:
        tls: With it, the target is `https`.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

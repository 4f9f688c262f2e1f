"""A target that hands out secrets wherever a server can: tokens, cookies, locations, reasons, headers, bodies."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "canary5f3a"
"""Part of every secret, of the user's as of the server's."""


class CanaryTarget(ThreadingHTTPServer):
    """`/token` gives a token, `/refused-token` a 401, `/moved` a redirect, `/broken` a 500; all else is echoed.

    What `/token` and `/broken` answer is compressed.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.secrets: Counter[str] = Counter()
        """How many requests to each path held a secret: that the test tests something."""
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: CanaryTarget

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, request_body: bytes) -> None:
        path = self.path.partition("?")[0]
        sent = f"{self.path}{self.headers}{request_body.decode()}"
        with self.server.lock:
            self.server.secrets[path] += CANARY in sent or "Authorization: Basic" in sent
        status, location = {
            "/refused-token": (401, None),
            "/broken": (500, None),
            "/moved": (302, f"/items?token={CANARY}-moved"),
        }.get(path, (200, None))
        # What the user proves itself with, as servers repeat it in places that have no name for it.
        proof = self.headers.get("Authorization", "nothing").split()[-1]
        document: dict[str, object] = {"echo": sent, "secret": f"{CANARY}-body"}
        if path == "/token":
            document = {
                "access_token": f"{CANARY}-access",
                "refresh_token": f"{CANARY}-refresh",
                "token_type": "bearer",
                "expires_in": 3600,
            }
        elif path == "/refused-token":
            in_body = parse_qs(request_body.decode()).get("client_secret")
            secret = in_body[0] if in_body else base64.b64decode(proof).decode().partition(":")[2]
            document = {"error": "invalid_grant", "error_description": f"{secret} is wrong"}
        body = json.dumps(document).encode()
        is_compressed = path in {"/token", "/broken"}
        body = gzip.compress(body) if is_compressed else body
        self.send_response(status, f"Not with {proof}")
        if is_compressed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", f"session={CANARY}-cookie; Path=/")
        self.send_header("X-Echo", f"you sent {proof}")
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Keeps quiet."""


@contextmanager
def canary_target() -> Iterator[CanaryTarget]:
    """A target that listens for as long as the block lasts."""
    with CanaryTarget() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

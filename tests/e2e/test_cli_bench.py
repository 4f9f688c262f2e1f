"""`loadcore bench` as a process: what a server receives is what was typed."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.e2e.command import loadcore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Received:
    """Requests as a server read them."""

    port: int
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def recording() -> Iterator[Received]:
    """A server that answers 200 to everything and remembers it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received.requests.append((self.command, self.path, dict(self.headers), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = answer  # noqa: N815 - names that the base class looks for

        def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002 - as the base class has it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received = Received(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("load", [("-c", "2", "-z", "60s"), ("-c", "7", "--rate", "100/s")])
def test_a_number_of_requests_is_exactly_that_number(tmp_path: Path, load: tuple[str, ...]) -> None:
    """Whether users or a rate make them, and whatever time is left."""
    with recording() as received:
        url = f"http://127.0.0.1:{received.port}/items?x=1"
        done = loadcore("bench", url, "-n", "7", *load, "--json", "--no-strict-client", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["all"]["requests"] == len(received.requests) == 7
    assert {(method, path) for method, path, _, _ in received.requests} == {("GET", "/items?x=1")}


def test_body_type_and_user_are_sent_as_typed(tmp_path: Path) -> None:
    """A body from a file with its type, a header, and the user of -a."""
    (tmp_path / "body.json").write_text('{"a": "{b}"}')
    arguments = (
        "-n",
        "1",
        "--data",
        "@body.json",
        "-T",
        "application/x-own+json",
        "-a",
        "ann:{pass}",
        "-H",
        "X-A: {b}",
    )
    with recording() as received:
        done = loadcore("bench", f"http://127.0.0.1:{received.port}/", *arguments, "--no-strict-client", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ((method, _, headers, body),) = received.requests
    assert (method, body) == ("POST", b'{"a": "{b}"}')
    assert headers["Content-Type"] == "application/x-own+json"
    assert headers["Authorization"] == "Basic YW5uOntwYXNzfQ=="
    assert headers["X-A"] == "{b}"
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "runs" in path.parts)
    assert b"{pass}" not in written
    assert b"YW5uOntwYXNzfQ" not in written

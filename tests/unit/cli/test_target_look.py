"""Where a command looks for the target is checked before the first request."""

from __future__ import annotations

import http.server
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from loadcore.cli.settings import Setting, Settings
from loadcore.cli.target_look import look_of
from loadcore.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def settings(**insisted: object) -> Settings:
    """Settings of the command line."""
    return Settings({name: Setting(value, f"--{name}") for name, value in insisted.items()}, {})


@contextmanager
def metrics(body: bytes) -> Iterator[str]:
    """The address of metrics."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/metrics"
        finally:
            server.shutdown()


def test_what_is_there_is_looked_at() -> None:
    """A process, metrics, or nothing."""
    assert look_of(settings()) is None
    look = look_of(settings(target_pid=os.getpid()))
    assert look is not None
    assert (look.pid, look.sight) == (os.getpid(), "processes")
    with metrics(b"process_cpu_seconds_total 3\n") as url:
        look = look_of(settings(target_metrics=url))
    assert look is not None
    assert (look.metrics, look.sight) == (url, "metrics")


@pytest.mark.parametrize(
    ("insisted", "message"),
    [
        ({"target_pid": 2**22 + 1}, "--target-pid: process 4194305 does not exist on this machine"),
        ({"target_cgroup": "/no/such/group"}, '--target-cgroup: "/no/such/group" is not a control group'),
        ({"target_metrics": "127.0.0.1:9100"}, "--target-metrics: an address starts with http:// or https://"),
        ({"target_metrics": "http://127.0.0.1:1/metrics"}, "--target-metrics: it cannot be read: .*refused"),
        ({"target_pid": 1, "target_cgroup": "/"}, "--target-pid and --target-cgroup exclude each other"),
    ],
)
def test_what_is_not_there_is_refused(insisted: dict[str, object], message: str) -> None:
    """With the option and what is wrong."""
    with pytest.raises(UsageError, match=message):
        look_of(settings(**insisted))


def test_metrics_without_cpu_are_refused() -> None:
    """They would show nothing."""
    with metrics(b"requests_total 3\n") as url, pytest.raises(UsageError, match="process_cpu_seconds_total is missing"):
        look_of(settings(target_metrics=url))

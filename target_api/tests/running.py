"""A real gateway in processes of its own, and a small blocking client for it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

REPOSITORY = Path(__file__).resolve().parents[2]
_STOP_TIMEOUT_S = 60


@dataclass(frozen=True)
class Answer:
    """A response, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class RunningGateway:
    """`python -m loadcore_target` with the given arguments, ready when the constructor returns.

    Args:
        arguments: Of the command; the port is always a free one.
        environment: Further variables.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "loadcore_target", "--port", "0", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, errors = self.process.communicate()
            raise AssertionError(f"the gateway did not start: {errors}")
        ready = json.loads(line)
        self.url: str = ready["url"]
        self.pid: int = ready["pid"]
        self.admin_token: str = ready["admin_token"]
        self.stub_url: str | None = ready.get("stub_url")
        self.errors: list[str] = []
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        self._closed = False

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def connect(self) -> http.client.HTTPConnection:
        """A new connection to the gateway."""
        parts = urlsplit(self.url)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        connection: http.client.HTTPConnection | None = None,
    ) -> Answer:
        """One request; a dict is sent as JSON, bytes and text as they are. Without `connection` on one of its own."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if isinstance(body, dict | list):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        own = connection is None
        connection = connection or self.connect()
        try:
            connection.request(method, path, body, sent)  # type: ignore[arg-type]
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            if own:
                connection.close()

    def form(self, path: str, headers: Mapping[str, str] | None = None, /, **fields: str) -> Answer:
        """One POST of a form."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.ask("POST", path, urlencode(fields), sent)

    def log_in(self, index: int = 0, **fields: str) -> dict[str, Any]:
        """The tokens of a seeded user."""
        answer = self.form(
            "/auth/token",
            grant_type="password",
            username=f"user-{index:04d}",
            password=f"password-{index:04d}",
            **fields,
        )
        assert answer.status == 200, answer.body
        tokens: dict[str, Any] = answer.json
        return tokens

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """One request to `/_admin`, whose answer must be a success."""
        answer = self.ask(method, f"/_admin{path}", body, token=self.admin_token)
        assert answer.status < 300, answer.body
        return answer.json if answer.body else None

    def truth(self) -> Any:
        """The truth counters."""
        return self.admin("GET", "/truth")

    def worker_pids(self) -> list[int]:
        """Process ids of the living workers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def signal(self, number: int) -> None:
        """Sends a signal to the supervisor."""
        os.kill(self.pid, number)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self._closed:
            return self.process.returncode
        self._closed = True
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.wait()
            self._reader.join(5)
            for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
                if stream is not None:
                    stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    """A port without a listener at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    """Asks again and again until it holds, and fails with `what` when it never does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.02)

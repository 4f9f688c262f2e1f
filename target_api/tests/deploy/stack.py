"""A stack of real services for a test, or the reason why there is none."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest

from loadcore_target.deploy.journal import read_events, read_state
from loadcore_target.deploy.packages import missing
from loadcore_target.deploy.topology import read
from loadcore_target.tests.running import REPOSITORY, wait_until

_STOP_S = 60


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A stack that runs.

    Attributes:
        process: Its main process.
        folder: Where it keeps everything.
        url: Where clients send their requests.
        admin_token: Opens the counters of each replica.
        prometheus_url: Where Prometheus is asked; empty without one.
    """

    process: subprocess.Popen[str]
    folder: Path
    url: str
    admin_token: str
    prometheus_url: str

    def services(self) -> list[dict[str, Any]]:
        """What runs now."""
        services: list[dict[str, Any]] = read_state(self.folder)["services"]
        return services

    def replicas(self) -> list[dict[str, Any]]:
        """The replicas among it."""
        return [service for service in self.services() if service["name"].startswith("gateway-")]

    def events(self, name: str) -> list[dict[str, Any]]:
        """What happened, of one kind."""
        return [event for event in read_events(self.folder) if event["event"] == name]

    def log_in(self, index: int = 0) -> str:
        """The access token of a seeded user."""
        form = {"grant_type": "password", "username": f"user-{index:04d}", "password": f"password-{index:04d}"}
        request = urllib.request.Request(f"{self.url}/auth/token", urlencode(form).encode())
        with urllib.request.urlopen(request, timeout=60) as response:
            return str(json.load(response)["access_token"])

    def ask(self, path: str, token: str = "", url: str = "") -> tuple[int, Mapping[str, str], bytes]:
        """One GET, through the balancer unless another address is given: status, headers in lower case, body."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{url or self.url}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, {key.lower(): value for key, value in response.headers.items()}, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, {}, error.read()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers to an instant query."""
        _, _, body = self.ask(f"/api/v1/query?{urlencode({'query': expression})}", url=self.prometheus_url)
        document = json.loads(body)
        assert document["status"] == "success", document
        result = document["data"]["result"]
        return [{"metric": {}, "value": result}] if document["data"]["resultType"] == "scalar" else list(result)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_S)


@contextlib.contextmanager
def stack(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[RunningStack]:
    """A stack for as long as the block runs; the test is skipped, with the reason, if a program is missing."""
    wanted = {"haproxy", *(name for name in ("nginx", "redis", "postgres") if name in arguments)}
    wanted |= {"prometheus"} if "--monitoring" in arguments else set()
    lines = missing(service for name, service in read().items() if name in wanted - _replaced(arguments))
    if lines:
        pytest.skip("; ".join(lines))
    command = [sys.executable, "-m", "loadcore_target.deploy", "--folder", str(folder), *arguments]
    with (
        (folder / "stack.log").open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=REPOSITORY, process_group=0,
            env={**os.environ, **(environment or {})},
        ) as process,
    ):  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "stack.log").read_text()
            ready = json.loads(line)
            yield RunningStack(process, folder, ready["url"], ready["admin_token"], ready.get("prometheus_url", ""))
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(_STOP_S)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    raise


def _replaced(arguments: tuple[str, ...]) -> set[str]:
    return {"haproxy"} if "nginx" in arguments else set()


def lives(service: Mapping[str, Any]) -> bool:
    """Whether that very process is there."""
    try:
        process = psutil.Process(service["pid"])
        return bool(process.create_time() == service["created_at"]) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(service: Mapping[str, Any]) -> None:
    """Kills a replica with its workers, as the end of its container would."""
    main = psutil.Process(service["pid"])
    for process in (main, *main.children(recursive=True)):
        process.kill()


def wait_until_gone(services: list[dict[str, Any]]) -> None:
    """Waits until none of them is there."""
    wait_until(lambda: not any(map(lives, services)), "all services have ended")

"""The clients that are compared: how each is started, and how its count of requests is read.

Each is used with one thread or worker, which is what "CPU per request" is about.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from benches import engine, plans, tools
from benches.build import ROOT, built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from benches.processes import Finished


@dataclass(frozen=True)
class Count:
    """What a client says it has done."""

    requests: int
    errors: int


@dataclass(frozen=True)
class Job:
    """What a client is to do: request a path over a number of connections for a time."""

    url: str
    """Scheme, host and port."""
    connections: int
    seconds: float
    path: str = "/"
    close: bool = False
    """Whether each request has a connection of its own."""


class Client(Protocol):
    """A program that sends requests."""

    @property
    def name(self) -> str:
        """What it is called in tables."""

    @property
    def shortest_s(self) -> float:
        """The shortest run it can be asked for."""

    @property
    def stretch(self) -> float:
        """How much longer it runs than others: more than once where its start is dear."""

    def command(self, job: Job) -> AbstractContextManager[list[str]]:
        """How it is started for a job."""

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""


class Floor:
    """The bare epoll loop."""

    name = "floor"
    shortest_s, stretch = 0.1, 1.0

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        address = urlsplit(job.url).netloc
        yield [str(built()["floor"]), address, str(job.connections), str(job.seconds), job.path]

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""
        said = json.loads(finished.output)
        return Count(said["requests"], said["errors"])


class Wrk:
    """wrk: one thread."""

    name = "wrk"
    shortest_s, stretch = 1.0, 1.0

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job. It knows whole seconds only."""
        options = [
            "-t1",
            f"-c{job.connections}",
            f"-d{max(1, round(job.seconds))}s",
            "--timeout",
            "30s",
            "-H",
            f"User-Agent: {plans.USER_AGENT}",
        ]
        options += ["-H", "Connection: close"] if job.close else []
        yield [tools.find("wrk"), *options, f"{job.url}{job.path}"]

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""
        return read_wrk(finished.output)


def read_wrk(output: str) -> Count:
    """Requests and errors in what wrk prints.

    Raises:
        ValueError: It is not what wrk prints.
    """
    requests = re.search(r"^\s*(\d+) requests in ", output, re.MULTILINE)
    if requests is None:
        raise ValueError(f"wrk did not say how many requests it made: {output}")
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    statuses = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = sum(int(number) for number in sockets.groups()) if sockets else 0
    return Count(int(requests[1]), errors + (int(statuses[1]) if statuses else 0))


@dataclass(frozen=True)
class Engine:
    """loadcore's engine without Python: histograms, windows and, if asked, the row of every request."""

    rows: bool
    shortest_s: float = 0.1
    stretch: float = 1.0

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return "engine, row log" if self.rows else "engine"

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        load = {"kind": "users", "users": job.connections, "duration_ns": int(job.seconds * plans.SECOND_NS)}
        http = {"reuse": "request" if job.close else "user", "tls": {"insecure": True}}
        with engine.command(
            plans.plan(job.url, load, {**plans.STATIC, "url": job.path}, http=http), rows=self.rows
        ) as words:
            yield words

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""
        report = engine.Report(**json.loads(finished.output))
        return Count(report.requests, report.errors + report.rows_dropped)


class Product:
    """`loadcore bench` with one worker: Python, supervisor, the row of every request in an Arrow file, the summary."""

    name = "loadcore bench"
    shortest_s, stretch = 0.1, 4.0

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
            load = ["-c", str(job.connections), "-z", f"{job.seconds}s", "--workers", "1"]
            output = ["--out", f"{folder}/run", "--json", "--progress", "none", "--no-strict-client"]
            reuse = ["--disable-keepalive"] if job.close else []
            yield [*product(), "bench", f"{job.url}{job.path}", "--insecure", *load, *output, *reuse]

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""
        summary = json.loads(finished.output)
        load = summary["load"]["requests"]
        errors = sum(step["errors"] for step in summary["steps"])
        # What the end of the run cut off before it was sent is not an error.
        not_sent = max(0, load["not_sent"] - load["interrupted"])
        return Count(load["sent_total"], errors + load["rows_dropped"] + not_sent)


def product() -> list[str]:
    """The command that is the product, as in this tree.

    Raises:
        MissingToolError: Its extension module is not built.
    """
    if not list((ROOT / "python" / "loadcore").glob("_core*.so")):
        raise tools.MissingToolError("loadcore's extension module is not built: make setup")
    return [sys.executable, "-m", "loadcore"]


def environment() -> dict[str, str]:
    """What makes `product` this tree's, wherever else one is installed."""
    return {"PYTHONPATH": str(ROOT / "python")}

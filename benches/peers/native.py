"""Tools written in C, Go and Rust, each with one thread, and as its own manual says is fastest."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benches.clients import Count, Job
from benches.peers.install import find
from benches.plans import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benches.processes import Finished

HEADER = f"User-Agent: {USER_AGENT}"


def number(pattern: str, text: str) -> int:
    """The sum of a pattern's numbers; 0 where it is not found."""
    return sum(int(found) for found in re.findall(pattern, text, re.MULTILINE))


class H2load:
    """h2load over HTTP/1.1."""

    name, shortest_s, stretch = "h2load", 1.0, 1.0

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        load = ["--h1", "-t1", f"-c{job.connections}", "-D", str(round(job.seconds))]
        yield [find("h2load"), *load, "-H", HEADER, f"{job.url}{job.path}"]

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""
        pattern = r"(\d+) {}"
        errors = sum(number(pattern.format(word), finished.output) for word in ("failed,", "errored,", "timeout$"))
        return Count(number(r"(\d+) succeeded", finished.output), errors)


class Hey:
    """hey: Go's net/http, one core, no compression asked for."""

    name, shortest_s, stretch = "hey", 1.0, 1.0

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        load = ["-cpus", "1", "-disable-compression", "-c", str(job.connections), "-z", f"{job.seconds:.0f}s"]
        yield [find("hey"), *load, "-H", HEADER, f"{job.url}{job.path}"]

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""
        failed = finished.output.partition("Error distribution:")[2]
        bad = number(r"^\s*\[[13-5]\d\d\]\s+(\d+) responses", finished.output)
        return Count(number(r"^\s*\[200\]\s+(\d+) responses", finished.output), number(r"^\s*\[(\d+)\]", failed) + bad)


class ApacheBench:
    """ab with keep-alive, which is HTTP/1.0."""

    name, shortest_s, stretch = "ab", 1.0, 1.0

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job. It keeps room for every request it might make: not more than it can."""
        load = ["-k", "-q", "-t", str(round(job.seconds)), "-n", str(round(job.seconds * 400_000))]
        yield [find("ab"), *load, "-c", str(job.connections), "-H", HEADER, f"{job.url}{job.path}"]

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""
        errors = number(r"^Failed requests:\s+(\d+)", finished.output)
        errors += number(r"^Non-2xx responses:\s+(\d+)", finished.output)
        return Count(number(r"^Complete requests:\s+(\d+)", finished.output), errors)


class Oha:
    """oha without its live view, one thread, no compression asked for."""

    name, shortest_s, stretch = "oha", 0.2, 1.0

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        quiet = ["--no-tui", "--disable-compression", "--output-format", "json"]
        load = ["--worker-threads", "1", "-c", str(job.connections), "-z", f"{job.seconds}s"]
        yield [find("oha"), *quiet, *load, "-H", HEADER, f"{job.url}{job.path}"]

    def count(self, finished: Finished) -> Count:
        """What it says afterwards. Requests cut off at the end are none of its errors."""
        said = json.loads(finished.output)
        errors = sum(count for kind, count in said["errorDistribution"].items() if "deadline" not in kind)
        statuses = said["statusCodeDistribution"]
        return Count(statuses.get("200", 0), errors + sum(n for code, n in statuses.items() if code != "200"))


class Vegeta:
    """vegeta without a rate, which is its closed loop. Its report is made afterwards and not counted."""

    name, shortest_s, stretch = "vegeta", 0.2, 1.0

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
            self._results = Path(folder) / "results.bin"
            (targets := Path(folder) / "targets").write_text(f"GET {job.url}{job.path}\n{HEADER}\n", encoding="utf-8")
            workers = [f"-{name}={job.connections}" for name in ("workers", "max-workers", "connections")]
            load = ["-rate=0", *workers, f"-duration={job.seconds}s", "-max-body=0"]
            yield [find("vegeta"), "-cpus=1", "attack", f"-targets={targets}", f"-output={self._results}", *load]

    def count(self, finished: Finished) -> Count:  # noqa: ARG002 - it says nothing; its file does
        """What its report says afterwards."""
        report = subprocess.run(
            [find("vegeta"), "report", "-type=json", self._results], check=True, capture_output=True, text=True
        )
        codes = json.loads(report.stdout)["status_codes"]
        return Count(codes.get("200", 0), sum(count for code, count in codes.items() if code != "200"))

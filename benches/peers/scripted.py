"""Tools whose load is written as a script: k6, k9-load, Locust; and autocannon, which runs on a script engine."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.clients import Count, Job
from benches.peers.install import find
from benches.plans import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benches.processes import Finished

_K6 = """\
import http from "k6/http";
export const options = { discardResponseBodies: true, userAgent: "@AGENT@" };
export default function () { http.get("@URL@"); }
"""

_K9 = """\
options:
  userAgent: "@AGENT@"
flows:
  default:
    - request:
        url: "@URL@"
"""

_K9_USERS = """\
import k9
async def default():
    await k9.http.get("@URL@")
"""

_LOCUST = """\
from locust import FastHttpUser, task
class User(FastHttpUser):
    default_headers = {{"User-Agent": "{agent}"}}
    @task
    def get(self):
        self.client.get("{path}")
"""


class _Summarised:
    """k6, and k9-load, which writes k6's summary."""

    name, program, shortest_s, stretch, script, template = "", "", 1.0, 1.0, "", ""

    def options(self) -> list[str]:
        """What only one of them takes."""
        return []

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
            text = self.template.replace("@URL@", f"{job.url}{job.path}").replace("@AGENT@", USER_AGENT)
            (script := Path(folder) / self.script).write_text(text, encoding="utf-8")
            self._summary = Path(folder) / "summary.json"
            load = ["--vus", str(job.connections), "--duration", f"{job.seconds}s"]
            yield [
                find(self.program),
                "run",
                "--quiet",
                *self.options(),
                *load,
                "--summary-export",
                str(self._summary),
                str(script),
            ]

    def count(self, finished: Finished) -> Count:
        """What its summary says afterwards."""
        metrics = self.metrics(finished)
        # For k6 a rate's "passes" are the cases in which it is true: here, failed requests.
        return Count(int(metrics["http_reqs"]["count"]), int(metrics["http_req_failed"]["passes"]))

    def metrics(self, finished: Finished) -> dict[str, Any]:
        """What its summary holds.

        Raises:
            ValueError: It wrote none.
        """
        if not self._summary.exists():
            raise ValueError(finished.errors[-500:])
        metrics: dict[str, Any] = json.loads(self._summary.read_text(encoding="utf-8"))["metrics"]
        return metrics


class K6(_Summarised):
    """k6, bodies discarded."""

    name, program, script, template = "k6", "k6", "script.js", _K6

    def options(self) -> list[str]:
        """It is not to call home; there is nothing to judge."""
        return ["--no-usage-report", "--no-thresholds"]


class K9(_Summarised):
    """k9-load with a plan file, its fastest tier: no Python runs."""

    name, program, script, template = "k9", "k9", "plan.yaml", _K9

    def options(self) -> list[str]:
        """Bodies are read, not kept; there is nothing to judge."""
        return ["--discard-response-bodies", "--no-thresholds"]


class K9Users(_Summarised):
    """k9-load with users that are `async def`, in one process."""

    name, program, script, template = "k9-load, async users", "k9", "script.py", _K9_USERS

    def options(self) -> list[str]:
        """As for a plan."""
        return ["--discard-response-bodies", "--no-thresholds", "--user-agent", USER_AGENT]


class Locust:
    """Locust with FastHttpUser, one process."""

    name, shortest_s, stretch = "locust", 1.0, 1.0

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
            (script := Path(folder) / "locustfile.py").write_text(
                _LOCUST.format(path=job.path, agent=USER_AGENT), encoding="utf-8"
            )
            users = str(job.connections)
            load = ["-u", users, "-r", users, "-t", f"{job.seconds:.0f}s", "--host", job.url]
            yield [find("locust"), "-f", str(script), "--headless", "--only-summary", "--json", *load]

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""
        entries = json.loads(finished.output[finished.output.index("[") :])
        return Count(sum(entry["num_requests"] for entry in entries), sum(entry["num_failures"] for entry in entries))


class Autocannon:
    """autocannon, one thread of Node.js."""

    name, shortest_s, stretch = "autocannon", 1.0, 1.0

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        load = ["-c", str(job.connections), "-d", f"{job.seconds:.0f}", "--json", "--no-progress"]
        yield [find("autocannon"), *load, "-H", f"User-Agent={USER_AGENT}", f"{job.url}{job.path}"]

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""
        said = json.loads(finished.output)
        return Count(said["2xx"], said["errors"] + said["timeouts"] + said["non2xx"])

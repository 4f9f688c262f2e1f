"""Tools that send the same journey, each as it comes, and how what they report is read."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from benches.peers.install import find
from loadcore_target.benches import journeys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from benches.processes import Finished


@dataclass(frozen=True)
class Job:
    """What a tool is to do.

    Attributes:
        target: Scheme, host and port.
        users: How many come.
        ramp_s: Seconds within which all users arrive.
        steady_s: How long they stay after that.
    """

    target: str
    users: int
    ramp_s: int
    steady_s: int

    @property
    def variables(self) -> dict[str, str]:
        """The job as the environment of a script."""
        return {
            "TARGET": self.target,
            "USERS": str(self.users),
            "RAMP_S": str(self.ramp_s),
            "STEADY_S": str(self.steady_s),
        }


@dataclass(frozen=True)
class Seen:
    """One account of the requests after the logins.

    Attributes:
        requests: How many there were.
        success: Share of them with a good answer.
        requests_per_s: Their rate.
        mean_ms: Mean time.
        p50_ms: Median.
        p95_ms: 95th percentile.
        proxied_p50_ms: Median of those that waited for the upstream.
    """

    requests: int
    success: float
    requests_per_s: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    proxied_p50_ms: float


class Tool(Protocol):
    """A program that sends the journey.

    Attributes:
        name: What it is called in the table.
        program: What it needs, as `benches.peers.install` knows it; empty if nothing.
    """

    name: str
    program: str

    def command(self, job: Job, folder: Path) -> list[str]:
        """How it is started; its script and what it leaves lie in the folder.

        Raises:
            MissingToolError: It is not installed.
        """

    def read(self, finished: Finished, folder: Path) -> Seen:
        """What it reports.

        Raises:
            ValueError: It reports nothing.
        """


class Loadcore:
    """`loadcore run`."""

    name, program = "loadcore", ""

    def command(self, job: Job, folder: Path) -> list[str]:  # noqa: ARG002 - the script reads the environment
        """How it is started."""
        script = _written(folder / "journey.py", journeys.LOADCORE)
        options = ["--json", "--quiet", "--no-calibrate", "--out", str(folder / "run")]
        return [sys.executable, "-m", "loadcore", "run", script, *options]

    def read(self, finished: Finished, folder: Path) -> Seen:  # noqa: ARG002 - it prints what it reports
        """What its summary says: response times."""
        summary = _json(finished.output, finished)
        whole, times = summary["all"], summary["all"]["response"]
        proxied = next(step for step in summary["steps"] if step["name"] == journeys.PROXIED)
        return Seen(
            whole["requests"],
            1 - whole["error_rate"],
            whole["requests_per_s"],
            times["mean_ns"] / 1e6,
            times["p50_ns"] / 1e6,
            times["p95_ns"] / 1e6,
            proxied["response"]["p50_ns"] / 1e6,
        )


class Locust:
    """Locust with one of its two kinds of user, one process.

    Args:
        user_class: `HttpUser` or `FastHttpUser`.
    """

    program = "locust"

    def __init__(self, user_class: str) -> None:
        self.name = f"Locust {user_class}"
        self._user_class = user_class

    def command(self, job: Job, folder: Path) -> list[str]:
        """How it is started."""
        text = journeys.LOCUST.replace("USER_CLASS", self._user_class)
        load = ["-u", str(job.users), "-r", f"{job.users / job.ramp_s:g}", "-t", f"{job.ramp_s + job.steady_s}s"]
        script = _written(folder / "locustfile.py", text)
        return [find("locust"), "-f", script, "--headless", "--only-summary", "--json", *load, "--host", job.target]

    def read(self, finished: Finished, folder: Path) -> Seen:  # noqa: ARG002 - it prints what it reports
        """What its statistics say, those of the logins left out."""
        entries = [each for each in _json(finished.output, finished) if each["name"] != journeys.LOGIN]
        requests = sum(each["num_requests"] for each in entries)
        began, ended = (
            min(each["start_time"] for each in entries),
            max(each["last_request_timestamp"] for each in entries),
        )
        times = _times(entries)
        return Seen(
            requests,
            1 - sum(each["num_failures"] for each in entries) / requests,
            requests / (ended - began),
            sum(each["total_response_time"] for each in entries) / requests,
            _quantile(times, 0.5),
            _quantile(times, 0.95),
            _quantile(_times(each for each in entries if each["name"] == journeys.PROXIED), 0.5),
        )


class _Summarised:
    """k6, and k9-load, which writes k6's summary."""

    def read(self, finished: Finished, folder: Path) -> Seen:
        """What its summary says of the requests that are marked as the API's."""
        if not (path := folder / "summary.json").exists():
            raise ValueError(_last_words(finished))
        metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
        counted, times = metrics["http_reqs{kind:api}"], metrics["http_req_duration{kind:api}"]
        # A rate's "passes" are the cases in which it is true: here, failed requests.
        failed = metrics["http_req_failed{kind:api}"]["passes"]
        return Seen(
            int(counted["count"]),
            1 - failed / counted["count"],
            counted["rate"],
            times["avg"],
            times["med"],
            times["p(95)"],
            metrics[f"http_req_duration{{name:{journeys.PROXIED}}}"]["med"],
        )


class K6(_Summarised):
    """k6, bodies discarded but the token's."""

    name, program = "k6", "k6"

    def command(self, job: Job, folder: Path) -> list[str]:
        """How it is started."""
        script = _written(folder / "journey.js", journeys.K6)
        variables = [word for pair in job.variables.items() for word in ("-e", "=".join(pair))]
        summary = ["--summary-export", str(folder / "summary.json")]
        return [find("k6"), "run", "--quiet", "--no-usage-report", *variables, *summary, script]


class K9(_Summarised):
    """k9-load with a plan."""

    name, program = "k9-load", "k9"

    def command(self, job: Job, folder: Path) -> list[str]:
        """How it is started."""
        text = journeys.k9(job.target, job.users, job.ramp_s, job.steady_s)
        plan = _written(folder / "plan.json", text)
        return [find("k9"), "run", "--quiet", "--summary-export", str(folder / "summary.json"), plan]


TOOLS: tuple[Tool, ...] = (Locust("HttpUser"), Locust("FastHttpUser"), K6(), K9(), Loadcore())


def _written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def _times(entries: Iterable[Mapping[str, Any]]) -> Counter[int]:
    """How often each response time was seen, in ms and rounded as Locust rounds it."""
    times = Counter[int]()
    for entry in entries:
        times.update({int(ms): count for ms, count in entry["response_times"].items()})
    return times


def _quantile(times: Counter[int], share: float) -> float:
    """The time that this share of the requests took at most."""
    left = share * times.total()
    for ms, count in sorted(times.items()):
        left -= count
        if left <= 0:
            return float(ms)
    raise ValueError("no times")


def _json(text: str, finished: Finished) -> Any:  # noqa: ANN401 - each tool has its own shape
    """The JSON that a tool printed."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise ValueError(_last_words(finished)) from None


def _last_words(finished: Finished) -> str:
    return f"it ended with code {finished.exit_code}: {finished.errors[-300:]}"

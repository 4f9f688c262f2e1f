"""Who carries out the scenario of a login: loadcore, its engine alone, k9-load and k6."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benches import clients, engine
from benches.peers import scripted
from loadcore.compiler import Options, Overrides, compile_run, override
from loadcore.loader import scenario_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benches.clients import Count, Job
    from benches.processes import Finished

FOLDER = Path(__file__).parent
SCENARIO = FOLDER / "scenario.py"
CALLS, CHECKS = 3, 2
"""Calls of an iteration besides the login, and checks of each."""


def with_checks(count: Count, passed: int, failed: int) -> Count:
    """The count, in which a check that failed or was left out is an error."""
    calls = count.requests * CALLS // (CALLS + 1)
    return clients.Count(count.requests, count.errors + failed + abs(calls * CHECKS - passed - failed))


class Product(clients.Product):
    """`loadcore run` with one worker and the row of every request."""

    name = "loadcore run"

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
            load = ["--base-url", job.url, "-u", str(job.connections), "-d", f"{job.seconds}s", "--workers", "1"]
            output = ["--out", f"{folder}/run", "--json", "--progress", "none", "--no-strict-client"]
            yield [*clients.product(), "run", str(SCENARIO), *load, *output]

    def count(self, finished: Finished) -> Count:
        """What it says afterwards."""
        summary = json.loads(finished.output)
        evaluated, failed = (sum(check[name] for check in summary["checks"]) for name in ("evaluated", "failed"))
        # Of the planned time only, as the steps are: some iterations end after it.
        checked = sum(step["requests"] for step in summary["steps"] if step["method"] == "GET")
        count = super().count(finished)
        return clients.Count(count.requests, count.errors + failed + abs(checked * CHECKS - evaluated))


class Engine(clients.Engine):
    """The engine without Python, with the plan that is made of the same file."""

    @contextmanager
    def command(self, job: Job) -> Iterator[list[str]]:
        """How it is started for a job."""
        given = Overrides.of({"base_url": job.url, "users": job.connections, "duration": f"{job.seconds}s"})
        scenarios = override(scenario_file.load(str(SCENARIO)).scenarios, [given])
        plan, _ = compile_run(scenarios, Options(seed=1))
        with engine.command(json.loads(plan.to_json()), rows=self.rows) as words:
            yield words


class K9(scripted.K9):
    """k9-load with a plan file, its fastest tier: no Python runs."""

    template = (FOLDER / "plan.yaml").read_text(encoding="utf-8")

    def options(self) -> list[str]:
        """Bodies are kept, for what looks at them."""
        return ["--no-thresholds"]

    def count(self, finished: Finished) -> Count:
        """What its summary says afterwards."""
        checks = self.metrics(finished)["checks"]
        return with_checks(super().count(finished), checks["passes"], checks["fails"])


class K6(scripted.K6):
    """k6 with a script."""

    template = (FOLDER / "script.js").read_text(encoding="utf-8")

    def count(self, finished: Finished) -> Count:
        """What its summary says afterwards."""
        checks = self.metrics(finished)["checks"]
        return with_checks(super().count(finished), checks["passes"], checks["fails"])

"""A client that is the limit says so, and one that is not does not."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import loadcore
from loadcore import Scenario, arrival_rate, get
from loadcore.errors import ExitCode
from tests.integration.busy import exit_codes
from tests.integration.counting_target import counting_target

if TYPE_CHECKING:
    from pathlib import Path

BUSY = "while True: pass"


def test_programs_that_take_the_client_s_core_make_the_run_invalid(tmp_path: Path) -> None:
    """Four busy loops on the worker's only core: arrivals leave late, and the verdict says whose fault that is."""
    core = str(min(os.sched_getaffinity(0)))
    with counting_target() as target, ExitStack() as stack:
        for _ in range(4):
            loop = stack.enter_context(subprocess.Popen(["taskset", "-c", core, sys.executable, "-c", BUSY]))
            stack.callback(loop.kill)
        arguments = [
            f"{target.url}/items",
            "--rate",
            "300/s",
            "-z",
            "6s",
            "--workers",
            "1",
            "-o",
            str(tmp_path / "run"),
        ]
        bench = ["taskset", "-c", core, sys.executable, "-m", "loadcore", "bench", *arguments, "--progress", "none"]
        ended = subprocess.run(bench, capture_output=True, text=True, timeout=110, check=False)

    result = loadcore.load(tmp_path / "run")
    assert ended.returncode == ExitCode.INVALID, ended.stdout + ended.stderr
    assert result.summary["client"]["verdict"] == "client_limited"
    assert "lag" in {reason["rule"] for reason in result.findings}
    assert result.summary["limits"]["cores"] == 1.0
    assert result.summary["all"]["errors"] == 0


def test_too_few_users_for_a_slow_target_are_said(tmp_path: Path) -> None:
    """40 arrivals a second, 10 users, half a second each: half of what was asked is dropped, and told of the plan."""
    with counting_target() as target:
        scenario = Scenario(
            "slow", base_url=target.url, load=arrival_rate("40/s", duration="3s", max_users=10), steps=[get("/slow")]
        )
        run = loadcore.run(scenario, workers=2, out=tmp_path / "run")

    assert exit_codes(run) == [ExitCode.THRESHOLD_CROSSED]
    (finding,) = [finding for finding in run.findings if finding["rule"] == "users"]
    counts = run.summary["load"]["scenarios"][0]["iterations"]
    assert counts["due"] == 120
    assert counts["started"] + counts["dropped"] == 120
    assert (finding["subject"], finding["severity"]) == ("plan", "note")
    assert finding["value"] < 0.7
    assert "max_users" in finding["advice"]

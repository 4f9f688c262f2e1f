"""What a run reports is what the server served: twelve good behaviours and twenty-eight bad ones, to the request."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import loadcore
from tests.accuracy.behaving_server import Served, behaving_server
from tests.accuracy.behaviours import BAD, BEHAVIOURS, GOOD, Behaviour
from tests.accuracy.scenario import EACH, USERS
from tests.integration.recount import differences

if TYPE_CHECKING:
    from loadcore.results.open.run import Run
    from loadcore.results.request_types import StepSummary

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Served]:
    """One `loadcore run` over all behaviours, and what the server counted meanwhile."""
    folder = tmp_path_factory.mktemp("accuracy") / "run"
    command = [sys.executable, "-m", "loadcore", "run", "tests/accuracy/scenario.py", "--out", str(folder), "--quiet"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'python'}{os.pathsep}{ROOT}"}
    with behaving_server() as served:
        done = subprocess.run(
            [*command, "--base-url", served.url],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
    assert (folder / "manifest.json").exists(), done.stderr
    return loadcore.load(folder), served


def _reported(run: Run, behaviour: Behaviour) -> StepSummary:
    entries = [entry for entry in run.summary["steps"] if entry["scenario"] == behaviour.name]
    assert len(entries) == 1
    return entries[0]


def _windows_sum(run: Run, behaviour: Behaviour, column: str) -> int:
    rows = run.windows.select(["kind", "scenario", column]).to_pylist()
    of_step = [row for row in rows if (row["kind"], row["scenario"]) == ("step", behaviour.name)]
    return sum(row[column] or 0 for row in of_step)


def _differences(run: Run, served: Served, behaviour: Behaviour) -> list[str]:
    """Everything in which the report of a behaviour is not the truth."""
    entry = _reported(run, behaviour)
    count = USERS * EACH
    rows = [row for row in run.requests.to_pylist() if row["scenario"] == behaviour.name]
    connections = count if behaviour.requests_per_connection else USERS
    pairs = {
        "requests": (entry["requests"], count),
        "rows": (len(rows), count),
        "attempts": (entry["attempts"], served.requests[behaviour.name]),
        "errors": (entry["errors"], 0 if behaviour.is_good else count),
        "outcomes": (entry["outcomes"], {behaviour.outcome: count}),
        "statuses": (entry["statuses"], {str(behaviour.status): count} if behaviour.is_good else {}),
        "statuses seen": ({row["status"] for row in rows}, {behaviour.status}),
        "connections": (entry["connections"], served.connections[behaviour.name]),
        "connections needed": (served.connections[behaviour.name], connections),
        "surplus": (_windows_sum(run, behaviour, "surplus_bytes"), behaviour.surplus * count),
        "interim": (_windows_sum(run, behaviour, "interim"), behaviour.interim * count),
    }
    return [f"{what}: {reported} is not {true}" for what, (reported, true) in pairs.items() if reported != true]


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.name)
def test_what_is_reported_is_what_was_served(measured: tuple[Run, Served], behaviour: Behaviour) -> None:
    """Requests, successes, classes of errors, connections, surplus: each number is the server's."""
    assert _differences(*measured, behaviour) == []


def test_the_whole_is_right(measured: tuple[Run, Served]) -> None:
    """All together: 12 of 12, 28 of 28, as many requests as were served. Prints the table."""
    run, served = measured
    right = {behaviour: not _differences(run, served, behaviour) for behaviour in BEHAVIOURS}
    lines = [f"{'behaviour':26}{'served':>8}{'reported':>10}  outcomes"]
    for behaviour in BEHAVIOURS:
        entry = _reported(run, behaviour)
        outcomes = ", ".join(f"{name} {count}" for name, count in entry["outcomes"].items())
        lines.append(f"{behaviour.name:26}{served.requests[behaviour.name]:8}{entry['attempts']:10}  {outcomes}")
    scores = [sum(right[behaviour] for behaviour in part) for part in (GOOD, BAD)]
    lines.append(f"good counted right {scores[0]}/{len(GOOD)}, bad counted as errors {scores[1]}/{len(BAD)}")
    sys.stdout.write("\n".join(lines) + "\n")

    assert (len(GOOD), len(BAD)) == (12, 28)
    assert scores == [12, 28]
    assert run.summary["load"]["requests"]["sent_total"] == sum(served.requests.values())
    assert differences(run.summary, run.requests) == []

"""What is done to the program itself: terminals that close, signals and kills at any moment, clocks that jump."""

from __future__ import annotations

import contextlib
import os
import pty
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

import loadcore
from loadcore.errors import ExitCode, LoadcoreError
from tests.e2e.command import environment
from tests.e2e.running import running
from tests.faults.invariants import report
from tests.integration.counting_target import Target, counting_target

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENARIO = """
from loadcore import Scenario, get, think, users
shop = Scenario("shop", base_url="URL", load=users(10, duration="3s"), steps=[get("/items"), think("20ms")])
"""
WITHIN_S = 60
SHORT, LONG = range(4), range(4, 24)
MOMENTS = [*SHORT, *(pytest.param(seed, marks=pytest.mark.chaos) for seed in LONG)]


@pytest.fixture
def target() -> Iterator[Target]:
    """A target of the test's own."""
    with counting_target() as listening:
        yield listening


@pytest.fixture
def command(target: Target, tmp_path: Path) -> list[str]:
    """Runs a scenario of three seconds."""
    (tmp_path / "shop.py").write_text(SCENARIO.replace("URL", target.url), encoding="utf-8")
    return [sys.executable, "-m", "loadcore", "run", "shop.py", "--out", "run", "--workers", "2"]


def run_in_terminal(command: list[str], folder: Path, *, before: str = "") -> int:
    """Runs a command in a terminal of its own, which is closed when the run has begun; the exit code.

    Args:
        command: The command.
        folder: Where it runs; its own `run` folder shows when it has begun.
        before: What precedes the command, `nohup` for one.
    """
    controlled, terminal = pty.openpty()
    script = f'{before} "$0" "$@"'
    with subprocess.Popen(
        ["setsid", "--ctty", "bash", "-c", f"exec {script}", *command],
        cwd=folder,
        env=environment({"TERM": "xterm"}),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        deadline = time.monotonic() + WITHIN_S
        while not _rows(folder / "run"):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        os.close(controlled)
        return process.wait(WITHIN_S)


def test_a_closed_terminal_stops_and_drains(command: list[str], target: Target, tmp_path: Path) -> None:
    """The end of the terminal is like SIGTERM: running requests finish, the folder is sealed and judged."""
    code = run_in_terminal([*command, "--duration", "60s"], tmp_path)

    run = loadcore.load(tmp_path / "run")
    assert (run.state, run.summary["signal"], run.verify()) == ("finished", "SIGHUP", [])
    assert ExitCode.TERMINATED in run.verdict["exit_codes"]
    assert code == run.verdict["exit_codes"][0]
    assert run.requests.num_rows == target.total() > 0
    assert report(run) == []


def test_nohup_outlives_its_terminal(command: list[str], target: Target, tmp_path: Path) -> None:
    """Under `nohup` the run goes on to its end, though its terminal is gone."""
    run_in_terminal([*command, "--duration", "8s"], tmp_path, before="nohup")

    run = loadcore.load(tmp_path / "run")
    assert (run.state, run.summary["signal"]) == ("finished", None)
    assert run.summary["duration_s"] >= 8
    assert run.requests.num_rows == target.total()


@pytest.mark.parametrize("seed", MOMENTS)
def test_a_signal_at_any_moment(command: list[str], target: Target, tmp_path: Path, seed: int) -> None:
    """Before the start, while it runs, while it seals: the exit code says it, what was sent is there."""
    chance = random.Random(seed)
    number = chance.choice([signal.SIGINT, signal.SIGTERM])
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        moment_s = chance.uniform(0.3, 5.0)
        time.sleep(moment_s)
        process.send_signal(number)
        out, err = process.communicate(timeout=WITHIN_S)
    sys.stdout.write(f"{number.name} after {moment_s:.2f} s: exit code {process.returncode}\n")

    assert "Traceback" not in out + err
    folder = tmp_path / "run"
    # A signal that comes before Python listens, or when all is done, ends the process as signals do.
    told = {128 + number, -number, ExitCode.INVALID, ExitCode.PASS}
    assert process.returncode in told, out + err
    if not (folder / "run.json").exists():
        assert target.total() == 0
        return
    run = loadcore.load(folder)
    assert run.state == "finished"
    assert run.requests.num_rows == target.total()
    assert report(run) == []


@pytest.mark.parametrize("seed", MOMENTS)
def test_a_kill_at_any_moment(target: Target, tmp_path: Path, seed: int) -> None:
    """Kill -9 of a worker, the supervisor, or all at once: what could be read before is still there."""
    chance = random.Random(seed)
    whom = chance.choice(["worker", "supervisor", "all"])
    with running(target.url, tmp_path / "run", duration="3s") as run:
        run.until("start")
        workers = run.workers()
        moment_s = chance.uniform(0.0, 3.5)
        time.sleep(moment_s)
        before = _rows(tmp_path / "run")
        supervisor = psutil.Process(run.process.pid)
        killed = {"worker": workers[:1], "supervisor": [supervisor], "all": [supervisor, *workers]}[whom]
        for process in killed:
            _kill(process)
        _, alive = psutil.wait_procs([*workers, *([] if whom == "worker" else [supervisor])], timeout=WITHIN_S)
        assert alive == []
        if whom == "worker":
            run.end()
    sys.stdout.write(f"{whom} killed after {moment_s:.2f} s: {before} rows before, ")

    result = loadcore.load(tmp_path / "run")
    after, sent = result.requests.num_rows, target.total()
    sys.stdout.write(f"{after} after, {sent} sent\n")
    assert before <= after <= sent
    if whom == "supervisor":
        # The workers wrote down everything they did.
        assert after == sent
    assert result.state == ("finished" if whom == "worker" else result.state)
    assert result.truncated == (result.state != "finished")
    assert result.summary["load"]["requests"]["rows"] == after


def _rows(folder: Path) -> int:
    """Rows that can be read during the run."""
    try:
        return int(loadcore.load(folder).requests.num_rows)
    except LoadcoreError:
        return 0


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@pytest.mark.skipif(not FAKETIME.exists(), reason="libfaketime is not installed")
def test_a_clock_that_jumps(command: list[str], target: Target, tmp_path: Path) -> None:
    """The wall clock goes an hour ahead and an hour back during a run: not one number changes by it."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    variables = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        for offset in ("+1h", "-1h", "+1h", "-1h"):
            time.sleep(1)
            clock.write_text(offset)
        _, err = process.communicate(timeout=WITHIN_S)

    run = loadcore.load(tmp_path / "run")
    assert "Traceback" not in err
    assert run.state == "finished"
    assert run.summary["duration_s"] >= 3
    rows = run.requests.to_pylist()
    assert len(rows) == target.total()
    assert {row["offset_ns"] // 10**9 for row in rows} >= {0, 1, 2}
    starts = {row["scheduled_at"].timestamp() - row["offset_ns"] / 1e9 for row in rows}
    assert max(starts) - min(starts) < 0.001
    assert all(0 <= row["lag_ns"] < 6e11 and 0 < row["service_ns"] < 6e11 for row in rows)
    assert report(run) == []

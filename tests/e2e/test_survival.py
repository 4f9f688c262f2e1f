"""What is left when processes are killed, signals come, and disks fill up."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import psutil
import pytest

import loadcore
from loadcore.errors import ExitCode
from tests.e2e.running import running
from tests.integration.busy import exit_codes
from tests.integration.counting_target import Target, counting_target
from tests.integration.recount import differences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def target() -> Iterator[Target]:
    """A target of the test's own."""
    with counting_target() as listening:
        yield listening


def test_a_killed_worker_is_said_at_once_and_its_rows_are_kept(target: Target, tmp_path: Path) -> None:
    """One of two workers gets kill -9: told within two of the run's seconds; the other ends its work, rows are kept."""
    with running(target.url, tmp_path / "run", duration="6s") as run:
        run.until("second", 2)
        victim = run.workers()[0]
        victim.kill()
        known = len(run.events)
        message = run.until("message")["message"]
        seconds_between = sum("second" in event for event in run.events[known:])
        code = run.end()

    assert seconds_between <= 2
    assert "LOST worker" in message
    assert "killed by SIGKILL" in message
    assert code == ExitCode.INVALID
    result = loadcore.load(tmp_path / "run")
    assert (result.state, result.truncated, result.verify()) == ("finished", False, [])
    assert [entry["reason"] for entry in result.summary["workers_lost"]] == [
        "killed by SIGKILL (out of memory? see dmesg)"
    ]
    lost = result.summary["workers_lost"][0]["worker"]
    rows = result.requests.to_pylist()
    offsets = {worker: [row["offset_ns"] / 1e9 for row in rows if row["worker"] == worker] for worker in (0, 1)}
    assert max(offsets[lost]) > 1.5
    assert max(offsets[1 - lost]) > 5.5
    assert len(rows) == result.summary["load"]["requests"]["rows"]


def test_a_killed_supervisor_takes_its_workers_along(target: Target, tmp_path: Path) -> None:
    """The supervisor gets kill -9: the workers end long before the run would; what they wrote opens as truncated."""
    with running(target.url, tmp_path / "run") as run:
        run.until("second", 2)
        workers = run.workers()
        during = loadcore.load(tmp_path / "run")
        run.process.kill()
        gone, alive = psutil.wait_procs(workers, timeout=45)

    assert (during.state, during.truncated) == ("running", True)
    assert during.requests.num_rows > 0
    assert (len(gone), alive) == (2, [])
    result = loadcore.load(tmp_path / "run")
    assert (result.state, result.truncated, result.summary["truncated"]) == ("killed", True, True)
    assert result.missing[0] == "the manifest is missing: the run was killed"
    # The workers had time to write everything they did, and the target got no more than that.
    assert result.requests.num_rows == target.total()
    assert 0 < result.summary["load"]["requests"]["recorded"] <= result.requests.num_rows
    assert result.summary["load"]["requests"]["rows"] == result.requests.num_rows
    counted = result.windows.to_pylist()
    last = max(row["second"] for row in counted)
    before = [row for row in result.requests.to_pylist() if row["offset_ns"] + row["response_ns"] < last * 10**9]
    assert sum(row["count"] or 0 for row in counted if row["kind"] == "step") >= len(before)


def test_everything_killed_loses_one_batch_at_most(target: Target, tmp_path: Path) -> None:
    """Supervisor and workers get kill -9 at the same moment: all rows of the seconds that were reported are there."""
    with running(target.url, tmp_path / "run") as run:
        run.until("second", 3)
        processes = [psutil.Process(run.process.pid), *run.workers()]
        for process in processes:
            process.suspend()
        sent = target.total()
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=60)

    result = loadcore.load(tmp_path / "run")
    assert result.state == "killed"
    rows = [row["offset_ns"] + row["response_ns"] for row in result.requests.to_pylist()]
    windows = [row for row in result.windows.to_pylist() if row["kind"] == "step"]
    # The end of the fourth second was heard of: what is missing are the rows of later ones and what was in flight.
    counted = sum(row["count"] for row in windows if row["second"] <= 3)
    assert sum(end < 4_000_000_000 for end in rows) == counted > 0
    assert len(rows) <= sent
    assert {name for name in result.missing if "no footer" in name} == {
        f"{name} has no footer: its complete batches were read"
        for name in ("requests-0.arrow", "requests-1.arrow", "windows.arrow")
    }
    assert result.summary["all"]["requests"] > 0
    assert result.verdict["status"] == "invalid"
    assert any("the run was killed" in reason for reason in result.verdict["reasons"])


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_the_first_signal_drains_reports_and_judges(
    target: Target, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """One Ctrl-C or SIGTERM: running requests finish, nothing is lost, thresholds are judged, the folder is sealed."""
    with running(target.url, tmp_path / "run", path="/slow") as run:
        run.until("second", 2)
        run.process.send_signal(number)
        run.end()

    result = loadcore.load(tmp_path / "run")
    assert exit_codes(result) == [code]
    assert (result.state, result.summary["signal"]) == ("finished", number.name)
    assert set(result.summary["all"]["outcomes"]) == {"ok"}
    assert result.requests.num_rows == target.total()
    assert differences(result.summary, result.requests) == []
    assert any("running iterations may finish" in text for text in run.messages())


def test_the_second_signal_interrupts(target: Target, tmp_path: Path) -> None:
    """Two Ctrl-C: requests in flight are recorded as interrupted, and the folder is sealed."""
    with running(target.url, tmp_path / "run", path="/hang", graceful_stop="600s") as run:
        run.until("second", 1)
        run.process.send_signal(signal.SIGINT)
        run.until("message")
        run.process.send_signal(signal.SIGINT)
        run.end()

    result = loadcore.load(tmp_path / "run")
    assert (result.state, result.verify()) == ("finished", [])
    assert result.summary["load"]["scenarios"][0]["iterations"]["interrupted"] == 10
    assert result.requests.column("outcome").to_pylist() == ["interrupted"] * 10
    assert ExitCode.INTERRUPTED in result.verdict["exit_codes"]


def test_the_third_signal_ends_at_once(target: Target, tmp_path: Path) -> None:
    """Three Ctrl-C: also with a worker that cannot react, the run ends, and says what is missing."""
    with running(target.url, tmp_path / "run", workers=1) as run:
        run.until("second", 1)
        run.workers()[0].suspend()
        for _ in range(2):
            run.process.send_signal(signal.SIGINT)
            run.until("message")
        run.process.send_signal(signal.SIGINT)
        run.end()

    result = loadcore.load(tmp_path / "run")
    assert result.state == "finished"
    assert [entry["reason"] for entry in result.summary["workers_lost"]] == ["ended by loadcore: the third signal"]


def test_a_worker_that_hangs_is_said(target: Target, tmp_path: Path) -> None:
    """A stopped worker is not a lost one: the run says that it is silent, and that it is back."""
    with running(target.url, tmp_path / "run", duration="8s") as run:
        run.until("second", 1)
        victim = run.workers()[0]
        victim.suspend()
        silent = run.until("message")["message"]
        victim.resume()
        back = run.until("message")["message"]
        run.end()

    assert "has sent nothing for" in silent
    assert "is back" in back
    result = loadcore.load(tmp_path / "run")
    assert result.summary["workers_lost"] == []
    assert result.requests.num_rows == target.total()


def test_a_full_disk_stops_no_load(target: Target, tmp_path: Path) -> None:
    """No space left: the run continues and ends, rows are counted as lost, what was written before is read."""
    folder = tmp_path / "disk" / "run"
    folder.parent.mkdir()
    mount = f"mount -t tmpfs -o size=1300k tmpfs {folder.parent}"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no file systems may be mounted here")
    # The disk is the run's own: its files are copied to where the test sees them, before it goes with its processes.
    copy = tmp_path / "copy"
    script = f'unshare -m sh -c \'{mount} && "$0" "$@"; code=$?; cp -r {folder} {copy}; exit $code\''
    with running(target.url, folder, duration="4s", count=200, before=script + ' "$0" "$@"; exit $?;') as run:
        code = run.end()

    result = loadcore.load(copy)
    counts = result.summary["load"]["requests"]
    assert result.state == "finished"
    assert code == ExitCode.INVALID
    assert counts["recorded"] == counts["sent_total"] == target.total()
    assert result.requests.num_rows + counts["rows_dropped"] == counts["recorded"]
    assert counts["rows_dropped"] > 0
    assert any("rows are lost, but the load continues: No space left on device" in text for text in run.messages())
    assert any("rows are missing" in reason for reason in result.verdict["reasons"])

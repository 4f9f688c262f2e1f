"""What a run needs of its machine before and while it runs: signals that are heard, threads, a folder that stays."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.api import load
from loadcore.errors import ExitCode, LimitsError, RunError
from loadcore.processes import messages
from loadcore.processes.stop_requests import StopRequests
from loadcore.processes.worker_handle import Gone
from loadcore.results.run_facts import FileFacts, RunStart, WorkerEnd
from loadcore.results.run_folder import RunFolder, write_whole
from tests.unit.processes.scripted import Follower, ScriptedWorker, done, healthy, supervise, window

if TYPE_CHECKING:
    from pathlib import Path


def test_a_signal_while_workers_are_started_is_obeyed_at_once(tmp_path: Path) -> None:
    """With the second of nine started, no third one is, and those two are ended."""
    stops = StopRequests()
    started: list[ScriptedWorker] = []

    class Links(list[ScriptedWorker]):
        def __getitem__(self, worker: Any) -> Any:
            started.append(super().__getitem__(worker))
            if worker == 1:
                stops.request("SIGINT")
            return started[-1]

    with pytest.raises(RunError, match="before the first request") as caught:
        supervise(tmp_path, Links(healthy(worker) for worker in range(9)), Follower(), stops=stops)

    assert caught.value.exit_code == ExitCode.INTERRUPTED
    assert [handle.calls for handle in started] == [["close"], ["close"]]


def test_a_worker_that_does_not_read_its_plan_holds_up_nothing(tmp_path: Path) -> None:
    """A plan larger than a pipe waits for its worker; a signal meanwhile ends the start."""
    stops = StopRequests()
    closed = threading.Event()

    class Busy(ScriptedWorker):
        def prepare(self, order: messages.Prepare) -> None:
            assert order.worker == 0
            stops.request("SIGINT")
            assert closed.wait(20)

        def close(self) -> None:
            closed.set()
            super().close()

    with pytest.raises(RunError, match="before the first request"):
        supervise(tmp_path, [Busy(0, [])], Follower(), stops=stops)


def test_a_signal_in_the_last_moment_before_the_start_is_no_run(tmp_path: Path) -> None:
    """The workers have their order and wait for the moment: they are ended, and no folder says that a run began."""
    stops = StopRequests()

    class Ordered(ScriptedWorker):
        def go(self, order: messages.Go) -> None:
            stops.request("SIGTERM")
            super().go(order)

    handle = Ordered(0, [])
    with pytest.raises(RunError, match="before the first request") as caught:
        supervise(tmp_path / "run", [handle], Follower(), stops=stops)

    assert caught.value.exit_code == ExitCode.TERMINATED
    assert handle.calls[-1] == "close"
    assert not (tmp_path / "run" / "run.json").exists()


def test_no_thread_left_for_the_supervisor_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the machine lets no more threads be started, the workers are ended, and the error is not called a bug."""

    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    handles = [healthy(0), healthy(1)]
    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(LimitsError) as caught:
        supervise(tmp_path, handles, Follower())

    assert caught.value.exit_code == ExitCode.CONFIG
    assert "pids.max" in str(caught.value.problems[0].hint)
    assert [handle.calls for handle in handles] == [["close"]] * 2


def test_no_thread_left_for_a_worker_is_told_with_its_remedy(tmp_path: Path) -> None:
    """The last words of a worker say that it could not start a thread."""
    handle = ScriptedWorker(0, [], prepare=[Gone("exited with 1: RuntimeError: can't start new thread")])
    with pytest.raises(LimitsError, match="no more threads can be started"):
        supervise(tmp_path, [handle], Follower())


@pytest.mark.parametrize("name", ["plan.json", "run.json", "windows.arrow"])
def test_a_folder_that_takes_nothing_is_refused_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """No worker gets the order to start before everything that a run needs is on the disk."""

    def full(path: Path, *_arguments: object) -> None:
        if path.name == name:
            raise OSError(errno.ENOSPC, "No space left on device")

    handle = healthy(0)
    monkeypatch.setattr("loadcore.processes.supervisor.write_whole", full)
    monkeypatch.setattr(RunFolder, "claim_windows", lambda folder: full(folder.windows_segment(0)))
    with pytest.raises(LimitsError, match="No space left on device") as caught:
        supervise(tmp_path / "run", [handle], Follower())

    assert caught.value.exit_code == ExitCode.CONFIG
    assert "go" not in handle.calls


def test_a_slow_disk_delays_the_start_and_no_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written before the start has to be there before the start; a disk that takes longer gets longer."""
    slow: list[Path] = []

    def write_slowly(path: Path, text: str) -> None:
        if path.name == "run.json" and not slow:
            time.sleep(0.3)
            slow.append(path)
        write_whole(path, text)

    class Timed(ScriptedWorker):
        told_at_ns = 0

        def go(self, order: messages.Go) -> None:
            self.told_at_ns = time.monotonic_ns()
            super().go(order)

    monkeypatch.setattr("loadcore.processes.supervisor.write_whole", write_slowly)
    handle = Timed(0, [window(0, 0, 10), done(0)])
    supervise(tmp_path, [handle], Follower())

    assert handle.go_order is not None
    assert handle.go_order.start_at_ns > handle.told_at_ns
    assert RunStart.from_json((tmp_path / "run.json").read_text()).wall_start_us == handle.go_order.wall_start_us


@pytest.mark.parametrize("how", ["deleted", "moved", "a file"])
def test_a_folder_that_goes_away_costs_its_rows_and_the_verdict(tmp_path: Path, how: str) -> None:
    """Rows that cannot be read are lost: reported at once, counted at the end, never a pass."""
    folder = tmp_path / "run"

    def remove(second: int) -> None:
        if second == 1 and how == "deleted":
            shutil.rmtree(folder)
        elif second == 1 and how == "moved":
            folder.rename(tmp_path / "elsewhere")
        elif second == 1:
            (folder / "requests-0.arrow").unlink()

    class Writing(ScriptedWorker):
        def go(self, order: messages.Go) -> None:
            (folder / "requests-0.arrow").write_bytes(b"12345")
            super().go(order)

    facts = FileFacts("requests-0.arrow", 30, 5, "ab", sealed=True)
    said = [window(second, 0, 10) for second in range(3)]
    handle = Writing(0, [*said, messages.Done(WorkerEnd(0, "finished", files=(facts,)), 3 * 10**9)])
    follower = Follower(remove)
    summary = supervise(folder, [handle], follower)

    assert (summary["verdict"]["status"], summary["exit_code"]) == ("invalid", ExitCode.INVALID)
    assert summary["load"]["requests"]["rows_dropped"] == 30
    assert summary["load"]["requests"]["rows"] == 0
    if how == "a file":
        assert load(folder).summary["exit_code"] == ExitCode.INVALID
    else:
        assert any("was moved or deleted" in text for text in follower.messages)
    assert any("30 rows are missing" in text and "moved, removed" in text for text in summary["verdict"]["reasons"])

"""The supervisor's chores, with workers that follow a script."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from loadcore.api import load
from loadcore.engine import Description
from loadcore.errors import ExitCode, LimitsError, PlanError, RunError, WorkerLost
from loadcore.machine import client_limits
from loadcore.processes import messages, supervisor, watch
from loadcore.processes.stop_requests import StopRequests
from loadcore.processes.worker_handle import Gone
from loadcore.results.run_folder import RunFolder
from loadcore.results.write import manifest
from loadcore.scenario.threshold import Threshold
from tests.unit.processes.scripted import DESCRIPTION, Follower, ScriptedWorker, done, healthy, supervise, window

if TYPE_CHECKING:
    from pathlib import Path

    from loadcore.live.frame import Frame
    from loadcore.machine.client_limits import Needs

ORDER = ["prepare", "arm", "go", "close"]


def lost_of(summary: dict[str, Any]) -> list[tuple[int, str]]:
    """The workers that were lost, and why; each with the moment."""
    assert all(entry["after_s"] >= 0 for entry in summary["workers_lost"])
    return [(entry["worker"], entry["reason"]) for entry in summary["workers_lost"]]


def test_workers_start_together_and_their_windows_add_up(tmp_path: Path) -> None:
    """All get the same moment, each second is the sum of both, and the folder is sealed."""
    handles, follower = [healthy(0), healthy(1)], Follower()
    summary = supervise(tmp_path, handles, follower)

    assert [handle.calls for handle in handles] == [ORDER, ORDER]
    assert handles[0].go_order == handles[1].go_order
    assert [second for second, _ in follower.seconds] == [0, 1, 2]
    assert follower.seconds[-1][1] == 60
    assert (summary["all"]["requests"], summary["exit_code"]) == (60, 0)
    assert summary["load"]["scenarios"][0]["users"] == {"planned": 10, "peak": 10, "lost": 0, "idle_steps": 0}
    run = load(tmp_path)
    assert (run.state, run.summary, run.missing, run.verify()) == ("finished", summary, (), [])


def test_a_lost_worker_is_said_and_the_run_is_not_valid(tmp_path: Path) -> None:
    """The others continue, what the lost one reported counts, and the result cannot pass for a good one."""
    lost = ScriptedWorker(1, [window(0, 1, 10), Gone("killed by SIGKILL")])
    follower = Follower()
    summary = supervise(tmp_path, [healthy(0), lost], follower)

    assert summary["all"]["requests"] == 40
    assert (summary["verdict"]["status"], summary["exit_code"]) == ("invalid", ExitCode.INVALID)
    (reason,) = summary["verdict"]["reasons"]
    assert re.fullmatch(
        r"1 of 2 workers was lost after \d+\.\d s: 50% of the load is missing from then on "
        r"\(worker 1: killed by SIGKILL\)",
        reason,
    )
    assert lost_of(summary) == [(1, "killed by SIGKILL")]
    (text,) = follower.messages
    assert text.startswith("LOST worker 1 after ")
    assert "the run is now invalid" in text


def test_a_lost_worker_may_be_allowed(tmp_path: Path) -> None:
    """Whoever allows it gets a judged result, in which the loss stands."""
    lost = ScriptedWorker(1, [Gone("exited with 1: no luck")])
    summary = supervise(tmp_path, [healthy(0), lost], Follower(), allow_lost_workers=True)

    assert (summary["verdict"]["status"], summary["exit_code"]) == ("pass", 0)
    assert lost_of(summary) == [(1, "exited with 1: no luck")]


def test_what_watches_a_run_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The load ends at once, the message says what to install, and the run does not look as if it continued."""
    monkeypatch.setitem(sys.modules, "loadcore.processes.watch", None)
    handle = healthy(0)
    with pytest.raises(RunError, match="a package that loadcore needs cannot be imported: import of"):
        supervise(tmp_path, [handle], Follower())

    assert handle.calls == ORDER
    assert load(tmp_path).state == "killed"


def test_a_worker_that_cannot_go_on_says_why(tmp_path: Path) -> None:
    """The reason a worker gives counts for more than how its process ended."""
    broken = ScriptedWorker(0, [window(0, 0, 1), messages.Trouble("OSError: no"), Gone("exited with 1")])
    summary = supervise(tmp_path, [broken], Follower())

    assert lost_of(summary) == [(0, "OSError: no")]


def test_the_first_signal_stops_and_drains(tmp_path: Path) -> None:
    """After Ctrl-C the workers finish, the run is judged, and the exit code says it was ended."""
    stops = StopRequests()
    handle = ScriptedWorker(0, [window(0, 0, 10)], stop=[window(1, 0, 2), done(0, "stopped")])
    follower = Follower(lambda second: stops.request("SIGINT") if second == 0 else None)
    summary = supervise(tmp_path, [handle], follower, stops=stops)

    assert handle.calls == ["prepare", "arm", "go", "stop", "close"]
    assert summary["all"]["requests"] == 12
    assert (summary["verdict"]["status"], summary["exit_code"]) == ("interrupted", ExitCode.INTERRUPTED)
    assert (summary["signal"], summary["truncated"]) == ("SIGINT", False)
    assert any("stopping" in text for text in follower.messages)


def test_sigterm_has_its_own_exit_code(tmp_path: Path) -> None:
    """A run that its surroundings ended says so."""
    stops = StopRequests()
    handle = ScriptedWorker(0, [window(0, 0, 10)])
    follower = Follower(lambda _second: stops.request("SIGTERM"))

    assert supervise(tmp_path, [handle], follower, stops=stops)["exit_code"] == ExitCode.TERMINATED


def test_the_second_signal_interrupts_and_the_third_ends(tmp_path: Path) -> None:
    """A worker that does not stop is interrupted; one that ignores that, too, is ended; the folder is still sealed."""
    stops = StopRequests()
    handle = ScriptedWorker(0, [window(0, 0, 10)], stop=[window(1, 0, 1)], interrupt=[window(2, 0, 1)])
    follower = Follower(lambda _second: stops.request("SIGINT"))
    summary = supervise(tmp_path, [handle], follower, stops=stops)

    assert handle.calls[:5] == ["prepare", "arm", "go", "stop", "interrupt"]
    assert lost_of(summary) == [(0, "ended by loadcore: the third signal")]
    assert summary["all"]["requests"] == 12
    assert load(tmp_path).state == "finished"


def test_a_signal_before_the_start_sends_nothing(tmp_path: Path) -> None:
    """Who presses Ctrl-C while workers get ready gets no run."""
    stops = StopRequests()
    stops.request("SIGTERM")
    handle = ScriptedWorker(0, [])
    with pytest.raises(RunError, match="before the first request") as caught:
        supervise(tmp_path, [handle], Follower(), stops=stops)

    assert caught.value.exit_code == ExitCode.TERMINATED
    assert handle.calls == []


def test_problems_of_the_plan_are_told_before_anybody_starts(tmp_path: Path) -> None:
    """What one worker finds in the plan is raised, and no worker got the order to start."""
    problem = {"message": "no such variable", "at": "shop.py:3", "hint": None, "path": "scenarios[0]"}
    handles = [healthy(0), ScriptedWorker(1, [], prepare=[messages.Trouble("the plan is not valid", [problem])])]
    with pytest.raises(PlanError, match=r"shop\.py:3: no such variable"):
        supervise(tmp_path, handles, Follower())

    assert [handle.calls for handle in handles] == [["prepare", "close"]] * 2


@pytest.mark.parametrize(
    ("said", "error"),
    [(Gone("exited with 1: ImportError"), WorkerLost), (messages.Trouble("MemoryError: "), RunError)],
)
def test_a_worker_that_does_not_get_ready_ends_it(tmp_path: Path, said: Any, error: type[RunError]) -> None:
    """A run starts with all its workers or not at all."""
    with pytest.raises(error, match="worker 1"):
        supervise(tmp_path, [healthy(0), ScriptedWorker(1, [], arm=[said])], Follower())


def test_a_worker_that_cannot_be_started_ends_those_that_were(tmp_path: Path) -> None:
    """Without a process left for the second worker the first is ended, and the reason is reported."""
    first = healthy(0)

    class Links(list[ScriptedWorker]):
        def __getitem__(self, worker: Any) -> Any:
            if worker == 1:
                raise OSError(11, "Resource temporarily unavailable")
            return super().__getitem__(worker)

    with pytest.raises(LimitsError, match="worker 1 could not be started: Resource temporarily unavailable") as caught:
        supervise(tmp_path, Links([first, healthy(1)]), Follower())

    assert first.calls == ["close"]
    assert caught.value.problems[0].hint is not None


def test_workers_that_take_too_long_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The barrier does not wait for ever, and says who was late."""
    monkeypatch.setattr(supervisor, "READY_WITHIN_S", 0.2)
    with pytest.raises(RunError, match=r"workers \[1\] were not ready within 0.2 s"):
        supervise(tmp_path, [healthy(0), ScriptedWorker(1, [], prepare=[])], Follower())


def test_limits_are_looked_at_between_ready_and_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connections that the workers name decide, and a run that does not fit sends nothing."""
    seen = []

    def refuse(needs: Needs) -> None:
        seen.append(needs.connections)
        raise LimitsError([{"message": "open files: no"}])

    monkeypatch.setattr(client_limits, "require", refuse)
    handles = [healthy(0), healthy(1)]
    with pytest.raises(LimitsError):
        supervise(tmp_path, handles, Follower())

    assert seen == [(5, 5)]
    assert [handle.calls for handle in handles] == [["prepare", "close"]] * 2


def test_a_worker_that_ends_early_stops_the_others(tmp_path: Path) -> None:
    """A feeder that must not run out ends the whole run, not a share of it."""
    early = ScriptedWorker(0, [window(0, 0, 10), done(0, "feeder_exhausted", "the feeder `users` has no more rows")])
    other = ScriptedWorker(1, [window(0, 1, 10)])
    follower = Follower()
    summary = supervise(tmp_path, [early, other], follower)

    assert "stop" in other.calls
    assert summary["exit_code"] == ExitCode.SCENARIO_RAISED
    assert follower.messages == ["stopping: worker 0 ended early: the feeder `users` has no more rows"]


def test_a_bug_leaves_no_run_that_seems_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the supervisor fails, its workers are ended, and the folder is that of a killed run."""

    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(watch, "evaluate_all", fail)
    handle = ScriptedWorker(0, [window(0, 0, 10)])
    with pytest.raises(ZeroDivisionError):
        supervise(tmp_path, [handle], Follower())

    assert handle.calls[-1] == "close"
    assert load(tmp_path).state == "killed"


def test_a_threshold_ends_the_run(tmp_path: Path) -> None:
    """A threshold that must not be crossed for long stops the workers and is among the reasons."""
    handle = ScriptedWorker(0, [window(0, 0, 10, errors=9)])
    summary = supervise(tmp_path, [handle], Follower(), thresholds=[Threshold("errors.rate < 50%", abort_after="0s")])

    assert "stop" in handle.calls
    assert summary["exit_code"] == ExitCode.THRESHOLD_CROSSED
    assert "the run was ended by errors.rate < 50%" in summary["verdict"]["reasons"][0]


def test_a_threshold_that_ended_the_run_has_failed(tmp_path: Path) -> None:
    """Two bad seconds after many good ones end the run, and it is not green though the whole of it would be."""
    windows = [window(second, 0, 100, errors=0 if second < 8 else 20) for second in range(10)]
    handle, follower = ScriptedWorker(0, windows), Follower()
    guard = Threshold("errors.rate < 10%", abort_after="2s")
    summary = supervise(tmp_path, [handle], follower, thresholds=[guard])

    assert follower.messages == ["stopping: errors.rate < 10% has failed for 2s"]
    assert "stop" in handle.calls
    (judged,) = [entry for entry in summary["thresholds"] if entry["expression"] == guard.expression]
    assert (judged["state"], judged["value"], judged["ended_run"]) == ("fail", 0.04, True)
    assert summary["exit_code"] == ExitCode.THRESHOLD_CROSSED


def test_a_target_that_recovers_does_not_end_the_run(tmp_path: Path) -> None:
    """What went wrong in one second, or before the measured part, does not count in the seconds after it."""
    windows = [window(second, 0, 10, errors=9, phase="warm_up") for second in range(3)]
    windows += [window(second, 0, 10, errors=9 if second == 3 else 0) for second in range(3, 8)]
    handle = ScriptedWorker(0, [*windows, done(0)])
    summary = supervise(tmp_path, [handle], Follower(), thresholds=[Threshold("errors.rate < 10%", abort_after="2s")])

    assert "stop" not in handle.calls
    assert (summary["thresholds"][0]["state"], summary["thresholds"][0]["value"]) == ("fail", 0.18)


def test_a_silent_worker_is_said_and_at_last_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that hangs is not a reason to wait forever."""
    monkeypatch.setattr(watch, "SILENT_S", 0.2)
    monkeypatch.setattr(watch, "LOST_AFTER_S", 0.6)
    follower = Follower()
    summary = supervise(tmp_path, [ScriptedWorker(0, [window(0, 0, 10)])], follower)

    assert follower.messages[0].startswith("worker 0 has sent nothing for")
    assert lost_of(summary) == [(0, "ended by loadcore: it had sent nothing for 1 s")]


def test_late_workers_are_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the planned end and the graceful stop, a worker that continues is stopped."""
    monkeypatch.setattr(watch, "OVERTIME_S", 0.2)
    description = DESCRIPTION.to_dict()
    description["scenarios"][0]["planned_end_ns"] = 1
    handle = ScriptedWorker(0, [window(0, 0, 10)], prepare=[messages.Prepared(description)])
    summary = supervise(tmp_path, [handle], Follower())

    assert handle.calls == ["prepare", "arm", "go", "interrupt", "close"]
    assert summary["workers_lost"] == []


def test_a_second_does_not_wait_for_a_worker_that_is_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view continues with what is there; what comes late still counts."""
    monkeypatch.setattr(watch, "WINDOW_GRACE_S", -1.0)
    stops = StopRequests()
    handles = [
        ScriptedWorker(0, [window(0, 0, 10)]),
        ScriptedWorker(1, [], stop=[window(0, 1, 7), done(1, "stopped")]),
    ]
    follower = Follower(lambda _second: stops.request("SIGINT"))
    summary = supervise(tmp_path, handles, follower, stops=stops)

    assert follower.seconds[0] == (0, 10)
    assert summary["all"]["requests"] == 17


def test_a_listener_that_raises_is_left_alone(tmp_path: Path) -> None:
    """A broken view does not break a run, and is not called again."""
    calls = []

    class Broken(Follower):
        def on_window(self, frame: Frame, second: int) -> None:
            calls.append((frame, second))
            raise ValueError("no screen")

    summary = supervise(tmp_path, [healthy(0)], Broken())

    assert len(calls) == 1
    assert summary["exit_code"] == 0


def test_a_listener_may_keep_what_it_is_told(tmp_path: Path) -> None:
    """What it gets is the run at that second: later seconds change nothing of it."""
    kept: list[Frame] = []

    class Keeping(Follower):
        def on_window(self, frame: Frame, second: int) -> None:  # noqa: ARG002 - as the base class has it
            kept.append(frame)

    supervise(tmp_path, [ScriptedWorker(0, [window(0, 0, 10), window(1, 0, 5), done(0)])], Keeping())

    assert [(frame.second, frame.total.requests) for frame in kept] == [(1, 10), (2, 15)]


def test_a_folder_that_cannot_be_sealed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full at the end the result is still given, and the folder is known to be incomplete."""

    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest, "seal", fail)
    follower = Follower()
    summary = supervise(tmp_path, [healthy(0)], follower)

    assert summary["all"]["requests"] == 30
    assert summary["exit_code"] == ExitCode.INVALID
    assert any("is not complete: No space left on device" in reason for reason in summary["verdict"]["reasons"])
    assert "is not complete: No space left on device" in follower.messages[-1]
    assert manifest.read(RunFolder(tmp_path)) is None
    assert load(tmp_path).summary["exit_code"] == ExitCode.INVALID


def test_shares_are_merged() -> None:
    """Users, iterations and connections of all shares add up; one share without an end leaves the run without one."""
    one = Description.from_dict(DESCRIPTION.to_dict())
    merged = supervisor.merge([one, one, one])

    assert (merged.connections, merged.scenarios[0].users) == (15, 15)
    assert merged.planned_end_ns is None
    assert merged.steps == one.steps

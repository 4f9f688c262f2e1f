"""Runs from Python, with real workers, a real engine and a target on loopback."""

from __future__ import annotations

import ctypes
import json
import os
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import loadcore
from loadcore import Scenario, csv_feeder, get, iterations, oauth2_client_credentials, post, response, think, users
from loadcore.errors import ExitCode, PlanError, UsageError
from loadcore.live.listeners import Listener
from loadcore.results.sum import summary
from tests.integration.busy import exit_codes, reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loadcore.engine import Description
    from loadcore.live.frame import Frame, ThresholdFrame
    from loadcore.results.open.run import Run
    from tests.integration.counting_target import Target

ROOT = Path(__file__).parent.parent.parent


def shop(url: str, *steps: Any, count: int = 10, duration: str = "2s", **settings: Any) -> Scenario:
    """A scenario that asks for items, or does these steps, with a little think time."""
    flow = [*(steps or [get("/items")]), think("50ms")]
    return Scenario("shop", base_url=url, load=users(count, duration=duration), steps=flow, **settings)


class Follower(Listener):
    """Remembers its messages."""

    def __init__(self) -> None:
        self.description: Description | None = None
        self.requests: list[int] = []
        self.judged: Sequence[ThresholdFrame] = ()
        self.run: Run | None = None

    def on_start(self, description: Description) -> None:
        """Remember."""
        self.description = description

    def on_window(self, frame: Frame, second: int) -> None:  # noqa: ARG002 - as the base class has it
        """Remember the requests of the second and how thresholds stand."""
        self.requests.append(int(frame.total.requests_per_s or 0))
        self.judged = frame.thresholds

    def on_end(self, run: Run) -> None:
        """Remember."""
        self.run = run


@contextmanager
def opens_of(path: Path) -> Iterator[Callable[[], int]]:
    """Counts how often a file is opened, by any process, one after another: the kernel tells each open and close."""
    libc = ctypes.CDLL(None, use_errno=True)
    watched = libc.inotify_init1(os.O_NONBLOCK)
    opened, closed = 0x20, 0x10
    assert libc.inotify_add_watch(watched, bytes(path), opened | closed) >= 0
    try:
        yield lambda: [mask for _, mask, _, _ in struct.iter_unpack("iIII", os.read(watched, 4096))].count(opened)
    finally:
        os.close(watched)


def test_a_plan_is_compiled_once_beforehand_and_once_by_each_worker(target: Target, tmp_path: Path) -> None:
    """Compiling a plan reads its test data: once before the start, which reports mistakes, and once a share."""
    table = tmp_path / "ids.csv"
    table.write_text("id\n1\n2\n", "utf-8")
    step = get("/items", query={"id": "{id}"})
    load = iterations(total=4, users=2)
    one = Scenario("shop", base_url=target.url, load=load, feeders=[csv_feeder(table)], steps=[step])

    with opens_of(table) as opens:
        run = loadcore.run(one, workers=1, out=tmp_path / "run")
        assert opens() == 1 + 1
    assert exit_codes(run) == []


def test_a_worker_without_users_of_a_scenario_keeps_nothing_from_others(target: Target, tmp_path: Path) -> None:
    """Each of two scenarios has one user, and there are three workers: that user has all iterations and rows."""
    table = tmp_path / "ids.csv"
    table.write_text("id\n1\n2\n3\n4\n5\n6\n", "utf-8")
    made = iterations(total=7)
    counted = Scenario("counted", base_url=target.url, load=made, steps=[get("/items")])
    rows = csv_feeder(table, at_end="stop")
    fed = Scenario(
        "fed", base_url=target.url, load=users(1, duration="20s"), feeders=[rows], steps=[get("/items/{id}")]
    )

    run = loadcore.run([counted, fed], workers=3, out=tmp_path / "run")
    assert exit_codes(run) == []
    completed = {each["name"]: each["iterations"]["completed"] for each in run.summary["load"]["scenarios"]}
    assert completed == {"counted": 7, "fed": 6}


def test_rows_summary_and_target_agree(target: Target, tmp_path: Path) -> None:
    """The invariant of the whole: rows in Arrow = requests in the summary = what the target counted."""
    follower = Follower()
    run = loadcore.run(shop(target.url), workers=2, out=tmp_path / "run", listeners=[follower])
    requests = run.summary["load"]["requests"]

    assert exit_codes(run) == []
    assert (
        run.requests.num_rows
        == requests["recorded"]
        == requests["sent_total"]
        == requests["rows"]
        == target.total()
        > 0
    )
    assert sum(follower.requests) == requests["recorded"]
    assert sorted(run.requests.column("worker").unique().to_pylist()) == [0, 1]
    assert follower.run is run
    assert follower.description is not None
    assert [step.name for step in follower.description.steps] == ["GET /items"]
    assert [entry.state for entry in follower.judged] == ["pass"]


def test_a_finished_run_is_opened_as_it_was(target: Target, tmp_path: Path) -> None:
    """What `run` returned and what `load` reads are the same, files are as they were sealed, the schema fits."""
    run = loadcore.run(shop(target.url), workers=1, out=tmp_path / "run")
    again = loadcore.load(tmp_path / "run")

    assert (again.state, again.truncated, again.missing) == ("finished", False, ())
    assert json.loads(json.dumps(run.summary)) == again.summary
    assert again.verify() == []
    assert again.requests.equals(run.requests)
    jsonschema.validate(again.summary, summary.schema())
    assert loadcore.load(tmp_path / "run" / "summary.json").summary == again.summary
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"run.json", "plan.json", "requests-0.arrow", "windows.arrow", "summary.json", "manifest.json"}


def test_a_target_that_answers_503_crosses_the_default_threshold(target: Target, tmp_path: Path) -> None:
    """A fast server of errors is not a success."""
    run = loadcore.run(shop(target.url, get("/broken")), workers=1, duration="1s", out=tmp_path / "run")

    assert exit_codes(run) == [ExitCode.THRESHOLD_CROSSED]
    (error,) = [entry for entry in run.summary["errors"] if entry["phase"] == "steady"]
    assert (error["status"], error["outcome"], error["step"]) == (503, None, "GET /broken")
    assert error["count"] == run.steps["GET /broken"]["errors"] == run.steps["GET /broken"]["statuses"]["503"]


def test_a_threshold_about_times_does_not_hide_errors(target: Target, tmp_path: Path) -> None:
    """A target that fails fast keeps every promise about its times."""
    quick = shop(target.url, get("/broken"), thresholds=["response.p95 < 500ms"])
    run = loadcore.run(quick, workers=1, duration="1s", out=tmp_path / "run")

    assert exit_codes(run) == [ExitCode.THRESHOLD_CROSSED]
    assert reasons(run) == ["1 of 2 thresholds crossed: errors.rate < 1%"]


def test_checks_that_all_fail_are_judged(target: Target, tmp_path: Path) -> None:
    """They have a threshold by default; the user may say that they may fail."""
    checked = shop(target.url, get("/items", checks=[response.contains("never there")]))
    failing = loadcore.run(checked, workers=1, duration="1s", out=tmp_path / "failing")
    let_off = loadcore.run(
        checked, workers=1, duration="1s", thresholds=["checks.rate >= 0%"], out=tmp_path / "let off"
    )

    assert exit_codes(failing) == [ExitCode.THRESHOLD_CROSSED]
    assert [entry["expression"] for entry in failing.summary["thresholds"] if entry["default"]] == [
        "errors.rate < 1%",
        "checks.rate > 99%",
    ]
    assert exit_codes(let_off) == []


def test_a_busy_scenario_does_not_hide_one_that_fails(target: Target, tmp_path: Path) -> None:
    """Each is judged by itself: of all requests together fewer than 1 % fail."""
    busy = Scenario("busy", base_url=target.url, load=users(8, duration="1s"), steps=[get("/items")])
    broken = Scenario("broken", base_url=target.url, load=iterations(total=2), steps=[get("/broken")])
    run = loadcore.run([busy, broken], workers=1, out=tmp_path / "run")

    assert run.summary["all"]["error_rate"] < 0.01
    assert exit_codes(run) == [ExitCode.THRESHOLD_CROSSED]
    assert reasons(run) == ["1 of 2 thresholds crossed: broken/*: errors.rate < 1%"]


def test_expected_statuses_are_no_errors(target: Target, tmp_path: Path) -> None:
    """What a step expects does not count as an error of the target."""
    run = loadcore.run(shop(target.url, get("/missing", expect=404)), workers=1, duration="1s", out=tmp_path / "run")

    assert exit_codes(run) == []
    assert run.summary["all"]["errors"] == 0
    assert run.summary["errors"] == []


def test_errors_are_of_final_answers_and_listed_as_such(target: Target, tmp_path: Path) -> None:
    """Every second step fails: 50 %, though each was redirected; the table of errors has these and no other."""
    steps = [get("/moved"), get("/gone")]
    moving = Scenario("moving", base_url=target.url, load=iterations(total=20), steps=steps)
    run = loadcore.run(moving, workers=1, out=tmp_path / "run")
    total = run.summary["all"]

    assert run.requests.num_rows == target.total() == 80
    assert (total["requests"], total["judged"], total["hops"], total["error_rate"]) == (80, 40, 40, 0.5)
    assert [(each["step"], each["status"], each["count"]) for each in run.summary["errors"]] == [("GET /gone", 503, 20)]
    (errors,) = [entry for entry in run.summary["thresholds"] if entry["expression"] == "errors.rate < 1%"]
    assert errors["value"] == 0.5
    assert run.requests.column("superseded").to_pylist().count(True) == 40


def test_a_401_that_is_tried_again_is_listed_as_the_error_that_it_was(target: Target, tmp_path: Path) -> None:
    """Errors by step, in the table and in the rows are one number, however often a token was replaced."""
    login = oauth2_client_credentials(token_url="/token", client_id="shop", client_secret="secret")
    run = loadcore.run(
        shop(target.url, get("/private"), get("/items"), auth=login), workers=1, duration="1s", out=tmp_path / "run"
    )
    rows = run.requests.to_pylist()
    step = run.steps["GET /private"]

    assert exit_codes(run) == [ExitCode.THRESHOLD_CROSSED]
    assert sum(entry["count"] for entry in run.summary["errors"]) == sum(row["error"] for row in rows)
    assert (step["errors"], step["requests"]) == (step["judged"], step["judged"] + step["repeats"])
    assert step["repeats"] == sum(row["superseded"] for row in rows) > 0


def test_what_loadcore_cuts_off_is_no_error(target: Target, tmp_path: Path) -> None:
    """A healthy target whose last requests were not waited for."""
    run = loadcore.run(
        shop(target.url, get("/slow"), graceful_stop="0s"), workers=1, duration="2s", out=tmp_path / "run"
    )
    total = run.summary["all"]

    assert exit_codes(run) == []
    assert total["interrupted"] > 0
    assert (total["errors"], total["unanswered"], run.summary["errors"]) == (0, 0, [])
    assert total["judged"] == total["requests"] - total["interrupted"]
    assert total["response"]["min_ns"] >= 500_000_000


def test_nobody_there_is_no_data(tmp_path: Path) -> None:
    """A refused connection is not a fast answer: nothing was measured, and nothing is boasted about."""
    run = loadcore.run(shop("http://127.0.0.1:1"), workers=1, duration="1s", out=tmp_path / "run")

    assert run.exit_code == ExitCode.NO_DATA
    assert run.verdict["status"] == "no_data"
    everything = run.summary["all"]
    assert everything["requests"] == everything["not_sent"] > 0
    assert everything["service"]["p99_ns"] is None
    assert set(everything["outcomes"]) == {"connect_refused"}
    assert run.requests.column("service_ns").null_count == run.requests.num_rows


def test_the_warm_up_is_kept_out_of_the_summary(target: Target, tmp_path: Path) -> None:
    """Requests due in the warm-up are rows, and in no headline."""
    run = loadcore.run(shop(target.url), workers=1, warm_up="1s", out=tmp_path / "run")
    phases = run.requests.column("phase").to_pylist()

    assert phases.count("warm_up") == run.summary["phases"]["warm_up"]["requests"] > 0
    assert phases.count("steady") == run.summary["all"]["requests"] > 0
    assert run.summary["steady_s"] == pytest.approx(1.0, abs=0.01)


def test_token_calls_stand_apart_and_tokens_in_no_file(target: Target, tmp_path: Path) -> None:
    """Logins are in a section of their own, and neither secret nor token is written anywhere."""
    login = oauth2_client_credentials(token_url="/token", client_id="canary-client", client_secret="canary-secret")
    run = loadcore.run(shop(target.url, get("/items"), auth=login), workers=1, duration="1s", out=tmp_path / "run")
    sections = {entry["section"]: entry["requests"] for entry in run.summary["steps"]}

    assert sections["auth"] == target.count()["/token"] > 0
    assert sections["main"] == run.summary["all"]["requests"]
    for path in (tmp_path / "run").iterdir():
        assert b"canary" not in path.read_bytes(), path.name


def test_a_run_in_a_thread_works(target: Target, tmp_path: Path) -> None:
    """Notebooks and test runners start runs from any thread; signal handlers are left alone there."""
    results: list[Run] = []
    thread = threading.Thread(
        target=lambda: results.append(loadcore.run(shop(target.url), workers=1, duration="1s", out=tmp_path / "run"))
    )
    thread.start()
    thread.join()

    assert results[0].requests.num_rows == target.total() > 0


def test_a_script_without_a_main_guard_works(target: Target, tmp_path: Path) -> None:
    """Workers are started, not forked from the script, and do not run it again."""
    script = tmp_path / "script.py"
    script.write_text(
        "import loadcore\n"
        "from loadcore import Scenario, csv_feeder, get, think, users\n"
        "steps = [get('/items'), think('50ms')]\n"
        f"shop = Scenario('shop', base_url={target.url!r}, load=users(2, duration='1s'), steps=steps)\n"
        "run = loadcore.run(shop, workers=2)\n"
        "print(run.requests.num_rows)\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True, env=_env()
    )

    assert int(done.stdout) == target.total() > 0
    assert loadcore.load(tmp_path / "runs" / "latest").state == "finished"


def test_a_run_that_does_not_fit_is_refused_before_the_first_request(target: Target, tmp_path: Path) -> None:
    """`ulimit -n 256` and 1,000 users: said with the remedy, exit code 104, nothing sent."""
    code = (
        "import sys, loadcore\n"
        "from loadcore import Scenario, csv_feeder, get, users\n"
        f"shop = Scenario('shop', base_url={target.url!r}, load=users(1000, duration='1s'), steps=[get('/items')])\n"
        "try:\n"
        "    loadcore.run(shop, workers=1)\n"
        "except loadcore.LoadcoreError as error:\n"
        "    print(error)\n"
        "    sys.exit(error.exit_code)\n"
    )
    command = ["bash", "-c", 'ulimit -n 256 && exec "$0" -c "$1"', sys.executable, code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=_env())

    assert done.returncode == ExitCode.CONFIG, done.stderr
    assert "open files: a worker needs 1,064, the limit is 256" in done.stdout
    assert "ulimit -Hn 1064" in done.stdout
    assert target.total() == 0


def test_problems_of_the_plan_are_raised_with_their_place(tmp_path: Path) -> None:
    """A variable that nothing sets is found before any process is started, with the line that uses it."""
    with pytest.raises(PlanError, match=r"test_run\.py:\d+: .*nobody"):
        loadcore.run(shop("http://127.0.0.1:1", post("/orders/{nobody}")), out=tmp_path / "run")

    assert not (tmp_path / "run").exists()


def test_arguments_that_make_no_sense_are_refused(target: Target, tmp_path: Path) -> None:
    """No workers, or a folder that holds another run, start nothing."""
    with pytest.raises(UsageError, match="workers: 0 is not a whole number from 1 to 4,294,967,295"):
        loadcore.run(shop(target.url), workers=0, out=tmp_path / "run")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old").write_text("")
    with pytest.raises(UsageError, match="is not empty"):
        loadcore.run(shop(target.url), out=tmp_path / "run")

    assert target.total() == 0


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT}"}


def test_a_second_has_one_phase(target: Target, tmp_path: Path) -> None:
    """Rows of workers and of the machine agree about a second in the midst of which the warm-up ends."""
    run = loadcore.run(shop(target.url, duration="3s"), warm_up="1500ms", workers=2, out=tmp_path / "run")
    rows = [row for row in run.windows.to_pylist() if row["kind"] == "worker"]
    phases: dict[int, set[str]] = {}
    for row in rows:
        phases.setdefault(row["second"], set()).add(row["phase"])

    assert {row["worker"] for row in rows} == {-1, 0, 1}
    assert [phases[second] for second in range(3)] == [{"warm_up"}, {"warm_up"}, {"steady"}]

"""The commands that send: what they print where, and each exit code that a run can have."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

import loadcore as package
from loadcore.results.sum.summary import schema
from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target
from tests.integration.busy import exit_codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SCENARIO = """
from loadcore import Scenario, get, think, users
shop = Scenario("shop", base_url="URL", load=users(2, duration="30s"), steps=[get("/"), think("20ms")])
"""
# A test machine may be too busy for its client; what that does to an exit code has a test of its own.
LENIENT = ("--no-strict-client", "--workers", "1")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A target for all tests of this file."""
    with small_target() as base_url:
        yield base_url


@pytest.fixture
def scenario(tmp_path: Path, url: str) -> str:
    """A scenario file in the folder of the test."""
    (tmp_path / "shop.py").write_text(SCENARIO.replace("URL", url), encoding="utf-8")
    return "shop.py"


def windows(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The seconds that a run tells of as JSON; a busy machine may have it say more in between."""
    return (told for told in map(json.loads, lines) if told["kind"] == "window")


def test_a_run_that_passes_exits_with_0(tmp_path: Path, scenario: str) -> None:
    """The report has the verdict on top and the exit code at its end; escape sequences are nowhere."""
    done = loadcore("run", scenario, "-d", "1s", *LENIENT, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(" shop · http://127.0.0.1:")
    # What the machine of the test adds to times this short is reported, and decides nothing here.
    assert lines[2].startswith((" ✓ PASS", " ? SUSPECT", " ✗ INVALID"))
    assert lines[-1].startswith(" exit 0 (pass")
    assert (lines[2].startswith(" ✗ INVALID")) is (", though the measurement is invalid" in lines[-1])
    assert "\x1b" not in done.stdout + done.stderr
    assert [line for line in lines if len(line) > 80] == []
    assert list((tmp_path / "runs").glob("*/requests-0.arrow"))


def test_json_is_one_valid_document(tmp_path: Path, url: str) -> None:
    """Stdout holds the summary as its schema describes it, and nothing else."""
    done = loadcore("bench", url, "-n", "20", "-c", "2", "--json", *LENIENT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    Draft202012Validator(schema()).validate(summary)
    assert summary["all"]["requests"] == 20
    assert summary["load"]["requests"]["rows"] == 20


def test_a_body_and_headers_are_sent(tmp_path: Path, url: str) -> None:
    """A body makes it a POST."""
    done = loadcore(
        "bench", url, "-n", "3", "-c", "1", "--data", "{}", "-H", "X-A: {b}", "--json", *LENIENT, cwd=tmp_path
    )
    assert json.loads(done.stdout)["steps"][0]["name"] == "POST /"
    assert json.loads(done.stdout)["steps"][0]["statuses"] == {"200": 3}


def test_a_crossed_threshold_exits_with_99(tmp_path: Path, url: str) -> None:
    """A target that answers every request with 503 is not a success, however fast it does so."""
    done = loadcore("bench", f"{url}/503", "-n", "20", "-c", "2", *LENIENT, cwd=tmp_path)
    assert done.returncode == 99
    assert "FAIL" in done.stdout
    assert "http_503" in done.stdout
    assert done.stdout.endswith(" exit 99 (threshold crossed)\n")


def test_a_target_that_is_not_there_exits_with_113(tmp_path: Path) -> None:
    """A run in which nothing was answered has no data: no NaN, no boast about requests per second."""
    done = loadcore("bench", "http://127.0.0.1:1/", "-z", "1s", "-c", "1", *LENIENT, cwd=tmp_path)
    assert done.returncode == 113
    assert "NO DATA" in done.stdout
    assert "connect_refused" in done.stdout
    assert "nan" not in done.stdout.lower()
    row = next(line for line in done.stdout.splitlines() if line.startswith(" GET /"))
    assert row.split()[3] == "-"


def test_a_threshold_without_data_exits_with_113(tmp_path: Path, url: str) -> None:
    """A claim about checks passes nothing when no check was made."""
    done = loadcore("bench", url, "-n", "5", "-c", "1", "--threshold", "checks.rate > 99%", *LENIENT, cwd=tmp_path)
    assert done.returncode == 113
    assert "checks.rate > 99% has no data" in done.stdout


def test_a_plan_with_too_few_users_exits_with_99(tmp_path: Path, url: str) -> None:
    """One user cannot start 50 iterations of 200 ms a second: most of what was asked is not answered."""
    arguments = ("bench", f"{url}/slow", "--rate", "50/s", "-c", "1", "-z", "2s", *LENIENT)
    done = loadcore(*arguments, "--out", "run", cwd=tmp_path)
    assert done.returncode == 99
    assert "answered >= 99% of asked" in done.stdout
    assert "dropped" in done.stdout
    # That is the plan's doing, not the client's.
    assert exit_codes(package.load(tmp_path / "run")) == [99]
    assert loadcore(*arguments, "--threshold", "answered > 1%", cwd=tmp_path).returncode == 0


def test_a_machine_without_descriptors_exits_with_104(tmp_path: Path, url: str) -> None:
    """1,000 users within 256 descriptors are refused before the first request, with what to do about it."""
    command = f'ulimit -n 256; exec "{sys.executable}" -m loadcore bench {url} -c 1000 -z 1s --workers 1'
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 104, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: open files: a worker needs 1,064, the limit is 256")
    assert "hint: " in done.stderr
    assert "ulimit" in done.stderr


def test_doctor_says_the_same_beforehand(tmp_path: Path) -> None:
    """What a run would be refused for, `doctor` finds, with the same code."""
    command = f'ulimit -n 256; exec "{sys.executable}" -m loadcore doctor --users 1000 --workers 1'
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 104
    assert "the limit is 256" in " ".join(done.stdout.split())
    assert done.stdout.endswith(" exit 104 (loadcore would refuse a run)\n")
    assert loadcore("doctor", "--users", "10", cwd=tmp_path).returncode == 0


def test_doctor_looks_at_the_target_too(tmp_path: Path) -> None:
    """A target's limit is its own process'; what is too small there gets a warning and does not refuse the run."""
    asked = ("doctor", "--users", "1000", "--workers", "1", "--json")
    with subprocess.Popen(
        ["/bin/sh", "-c", "ulimit -n 128; echo; read line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as target:
        assert target.stdout is not None
        target.stdout.readline()
        done = loadcore(*asked, "--target-pid", str(target.pid), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)["target"][0]
    assert (files["ok"], files["have"]) == (False, 128)
    assert f"prlimit --pid {target.pid} --nofile=2064" in files["remedy"]
    gone = loadcore(*asked, "--target-pid", str(2**22 + 1), cwd=tmp_path)
    assert (gone.returncode, gone.stdout) == (2, "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_with_a_report(tmp_path: Path, scenario: str, number: signal.Signals, code: int) -> None:
    """The first signal stops: the report comes, thresholds are judged, and the code says what ended it."""
    command = [sys.executable, "-m", "loadcore", "run", scenario, "--progress", "json", *LENIENT]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert next(windows(process.stderr))["second"] == 1
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert "errors.rate < 1%" in out
    assert out.splitlines()[-1].startswith(f" exit {code} ")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_went_away_does_not_harm_the_run(tmp_path: Path, url: str, stream: str) -> None:
    """With a closed pipe on either stream the run ends as it should, and its folder is whole."""
    reading, writing = os.pipe()
    os.close(reading)
    other = "stderr" if stream == "stdout" else "stdout"
    command = [sys.executable, "-m", "loadcore", "bench", url, "-z", "1s", "-c", "1", "--progress", "json", *LENIENT]
    streams: dict[str, int] = {stream: writing, other: subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), **streams) as process:  # type: ignore[call-overload]
        os.close(writing)
        texts = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"Traceback" not in b"".join(text for text in texts if text)
    assert list((tmp_path / "runs").glob("*/manifest.json"))


def test_progress_on_a_pipe_is_lines(tmp_path: Path, url: str) -> None:
    """Without a terminal, a line every few seconds goes to stderr."""
    done = loadcore("bench", url, "-z", "6s", "--rate", "20/s", *LENIENT, cwd=tmp_path, environ={"TERM": "dumb"})
    line = next(line for line in done.stderr.splitlines() if "users=" in line)
    assert line.startswith("0:05 users=")
    assert {"rps", "err", "p50", "p95", "p99", "client"} <= {word.partition("=")[0] for word in line.split()}


def test_a_terminal_gets_a_live_view(tmp_path: Path, url: str) -> None:
    """On a terminal the view is drawn on stderr and taken away at the end; stdout holds the plain report."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "loadcore", "bench", url, "-z", "2s", "--rate", "20/s", *LENIENT]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment({"TERM": "xterm"}), stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        drawn = _drain(ours)
        out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    assert "Ctrl-C: stop and report" in drawn
    assert "\x1b[?1049h" not in drawn, "no alternate screen: the scrollback stays"
    assert "\x1b" not in out.decode()


def test_no_color_and_force_color(tmp_path: Path, url: str) -> None:
    """The report is coloured when that is asked for, and never with NO_COLOR."""
    arguments = ("bench", url, "-n", "2", "-c", "1", *LENIENT)
    assert "\x1b[" in loadcore(*arguments, cwd=tmp_path, environ={"FORCE_COLOR": "1"}).stdout
    both = {"FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert "\x1b[" not in loadcore(*arguments, cwd=tmp_path, environ=both).stdout


def test_narrow_terminals_get_narrow_reports(tmp_path: Path, url: str) -> None:
    """COLUMNS=60 is kept to by every line; the command that follows is short enough to be typed."""
    done = loadcore("bench", url, "-n", "2", "-c", "1", *LENIENT, cwd=tmp_path, environ={"COLUMNS": "60"})
    assert [line for line in done.stdout.splitlines() if len(line) > 60] == []
    assert done.stdout.splitlines()[-3] == " NEXT     loadcore report --json"


def test_report_prints_the_run_again(tmp_path: Path, url: str) -> None:
    """The report of a finished run is what the run printed; by default it is that of the latest."""
    done = loadcore("bench", url, "-n", "5", "-c", "1", *LENIENT, cwd=tmp_path)
    again = loadcore("report", cwd=tmp_path)
    assert again.returncode == 0
    assert again.stdout.partition("\n\n FILES")[0] == done.stdout.partition("\n\n FILES")[0]
    folder = next(path for path in (tmp_path / "runs").iterdir() if not path.is_symlink())
    summary = json.loads(loadcore("report", str(folder), "--json", cwd=tmp_path).stdout)
    assert summary == json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def test_a_failure_is_shown_with_its_trace(tmp_path: Path, url: str) -> None:
    """Its sample has the header that was sent; where no request was traced, `--trace-url` says so."""
    tempo = ("--trace-url", "https://tempo.example/{trace_id}")
    loadcore("bench", f"{url}/503", "-n", "2", "-c", "1", "--trace-sample", "100%", *LENIENT, cwd=tmp_path)
    traced = loadcore("report", "--verbose", *tempo, cwd=tmp_path, environ={"COLUMNS": "120"})
    assert re.search(r"> traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01", traced.stdout), traced.stdout
    assert "no effect" not in traced.stderr
    without = loadcore("bench", url, "-n", "2", "-c", "1", *tempo, *LENIENT, cwd=tmp_path)
    again = loadcore("report", *tempo, cwd=tmp_path)
    for said in (without.stderr, again.stderr):
        assert "--trace-url has no effect" in said
        assert "--trace-sample 1%" in said
    assert again.returncode == 0


def test_report_of_a_killed_run_says_so(tmp_path: Path, scenario: str) -> None:
    """A run that was killed still has a report, and the report says that the run ended early."""
    command = [sys.executable, "-m", "loadcore", "run", scenario, "--progress", "json", "--out", "killed", *LENIENT]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        next(window for window in windows(process.stderr) if window["second"] >= 3)
        process.kill()
        process.communicate(timeout=60)
    done = loadcore("report", "killed", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r" ✗ INVALID   the run was killed: (showing the first|windows cover the first)", done.stdout)
    assert "PASS" not in done.stdout
    assert "GET /" in done.stdout


def _drain(descriptor: int) -> str:
    """Everything a terminal was sent, until the other side is closed."""
    parts = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()


IDLE = """
from loadcore import Scenario, branch, get, repeat, response, users, variable
loop = Scenario("loop", base_url="URL", load=users(3, duration="1s"), steps=[
    get("/", extract={"next": response.header("Server").default("x")}),
    repeat(4_000_000_000, [branch(variable("next") == "never", then=[get("/next")])]),
])
"""


def test_a_loop_that_sends_nothing_ends_as_planned(tmp_path: Path, url: str) -> None:
    """Users that go round a branch for ever: told at once and in the report, over at the planned end."""
    (tmp_path / "loop.py").write_text(IDLE.replace("URL", url), encoding="utf-8")
    done = loadcore("run", "loop.py", "--json", *LENIENT, cwd=tmp_path)

    assert done.returncode == 107, done.stdout + done.stderr
    assert "loop: users went through" in done.stderr
    summary = json.loads(done.stdout)
    (scenario,) = summary["load"]["scenarios"]
    iterations = scenario["iterations"]
    assert (iterations["started"], iterations["completed"], iterations["interrupted"]) == (3, 0, 3)
    assert scenario["users"]["idle_steps"] >= 1000
    assert summary["load"]["requests"]["sent_total"] == 3
    assert "without sending a request" in loadcore("report", cwd=tmp_path).stdout

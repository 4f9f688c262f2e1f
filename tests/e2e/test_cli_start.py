"""The commands that send nothing: help, version, init, and every kind of mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.command import environment, loadcore

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ("run", "bench", "check", "init", "import", "report", "doctor", "target", "demo", "version")


@pytest.mark.parametrize("command", [(), *((command,) for command in COMMANDS), ("target", "up")])
def test_help_fits_eighty_columns(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Every help page goes to stdout and fits a terminal of the classic width."""
    done = loadcore(*command, "--help", cwd=tmp_path, environ={"COLUMNS": "80"})
    assert done.returncode == 0
    assert done.stderr == ""
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    assert [line for line in done.stdout.splitlines() if line.endswith("...") and "[ARGS]" not in line] == []


def test_every_option_of_run_has_a_variable(tmp_path: Path) -> None:
    """Every option of the command line has an environment variable."""
    text = " ".join(loadcore("run", "--help", cwd=tmp_path).stdout.split())
    options = text.partition("Options:")[2]
    for variable in (
        "USERS",
        "RATE",
        "DURATION",
        "THRESHOLD",
        "BASE_URL",
        "HOST",
        "OUT",
        "PROGRESS",
        "STRICT_CLIENT",
        "ENV",
    ):
        assert f"LOADCORE_{variable}" in options


def test_without_arguments_the_help_is_the_result(tmp_path: Path) -> None:
    """Nothing went wrong, so it goes to stdout and the exit code is 0."""
    done = loadcore(cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: loadcore")


def test_version_as_text_and_as_json(tmp_path: Path) -> None:
    """The JSON document is all that stands on stdout."""
    assert loadcore("version", cwd=tmp_path).stdout.startswith("loadcore ")
    assert loadcore("--version", cwd=tmp_path).stdout.startswith("loadcore ")
    document = json.loads(loadcore("version", "--json", cwd=tmp_path).stdout)
    assert {"loadcore", "python", "pyarrow"} <= set(document)


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["nope"], 'unknown command "nope"', "loadcore --help lists the commands"),
        (["reprot"], 'unknown command "reprot", did you mean "report"?', "loadcore --help lists the commands"),
        (["control", "stop"], 'unknown command "stop" (known: pause', "loadcore control --help lists the commands"),
        (["control"], "expected a command: pause, resume, users, rate, status", "loadcore control --help"),
        (["run"], "SCENARIO is missing", "loadcore run --help lists the options"),
        (["import", "har"], "FILE is missing", "loadcore import --help lists the options"),
        (["bench", "http://h/", "-c", "x"], '--connections: expected a whole number from 1, got "x"', "bench --help"),
        (["bench", "http://h/", "-c", "-5"], '--connections: expected a whole number from 1, got "-5"', "bench --help"),
        (["bench", "http://h/", "-c"], "-c needs a value", "loadcore bench --help lists the options"),
        (["runs", "list", "--json=3"], "--json takes no value", "loadcore runs --help lists the options"),
        (["target", "up", "--port", "99999"], "expected a whole number from 0 to 65,535, got", "target up --help"),
        (["run", "x.py", "--color", "blue"], '--color: expected auto, always or never, got "blue"', "run --help"),
        (["run", "x.py", "--nope"], "unknown option --nope", "loadcore run --help lists the options"),
        (["run", "x.py", "--abort_on", "a"], 'unknown option --abort_on, did you mean "--abort-on"?', "--help"),
        (["run", "x.py", "--abort-on", "error.rate < 1%"], 'did you mean "errors.rate"?', "--help"),
        (["run", "x.py", "-d", "30"], '30 has no unit: write "30s"', "--help"),
        (["run", "x.py", "--rate", "5"], '5 has no unit: write "5/s"', "--help"),
        (["run", "x.py", "-u", "many"], '"many" is not a number of users', "--help"),
        (["run", "x.py", "-e", "PORT"], 'write it as "REGION=eu"', "--help"),
        (["bench", "http://h/", "-d", "{}"], "-d is the duration, as in -d 30s; the body is --data", "--help"),
        (["bench", "http://h/", "-q", "400/s"], "too many arguments", "a rate is --rate 400/s"),
        (["run", "x.py", "-H", "http://h"], "unknown option -H", "--help"),
        (["run", "x.py", "-u", "5", "--rate", "5/s"], "--users and --rate exclude each other", "an open one"),
        (["doctor", "-u", "5", "--rate", "5/s"], "--users and --rate exclude each other", "doctor --rate 5/s"),
        (["doctor", "x.py"], "doctor takes a number of users or a rate, not a scenario", "loadcore calibrate x.py"),
        (["target", "up", "--users", "5"], "unknown option --users", "--help"),
        (["bench", "http://h/", "-z", "0s"], '"0s" is not a positive duration', "--help"),
        (["bench", "http://h/", "--rate", "0/s"], '"0/s" starts nothing', "--help"),
        (["bench", "127.0.0.1:8080"], "127.0.0.1:8080 is not a URL to request", "write http://127.0.0.1:8080"),
        (["bench", "http://h:/"], "the port is missing behind the colon", "write it as http://"),
        (["bench", "http://h/\n"], "the URL holds the control character U+000A", "write it as http://"),
        (["bench", "http://h:x/"], "the port or the address in brackets is not valid", "write it as http://"),
        (["run", "x.py", "--base-url", "http://h:"], "--base-url: the port is missing behind the colon", "--help"),
        (["run", "x.py", "--base-url", "http://h\x01/"], "the control character U+0001", "--help"),
        (["run", "x.py", "--base-url", "127.0.0.1:80"], "write http://127.0.0.1:80", "--help"),
        (["bench", "http://h/", "--data", "@no"], "cannot read the body from no", "--data @-"),
        (["bench", "http://h/", "-a", "ann"], "-a needs a user and a password", "-a USER:PASSWORD"),
        (["run", "x.py", "--threshold", "p95 < 1s"], 'did you mean "response.p95"?', "--help"),
    ],
)
def test_a_bad_argument_exits_with_2(tmp_path: Path, arguments: list[str], error: str, hint: str) -> None:
    """The error says what is wrong, the hint what to do; nothing stands on stdout, and there is no traceback."""
    done = loadcore(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert error in lines[0]
    assert lines[1].startswith("hint: ")
    assert hint in lines[1]


NO_LENGTH = """
from loadcore import Scenario, get, users
shop = Scenario("shop", base_url="http://127.0.0.1:9", load=users(200), steps=[get("/")])
"""
EMPTY_PORT = """
from loadcore import Scenario, get
shop = Scenario("shop", base_url="http://h:", steps=[get("/")])
"""


@pytest.mark.parametrize(
    ("file", "text", "arguments", "code", "error"),
    [
        (None, "", ["run", "http://127.0.0.1:80/"], 104, "loadcore bench http://127.0.0.1:80/"),
        (None, "", ["run", "missing.py"], 104, "error: missing.py does not exist"),
        ("empty.py", "", ["run", "empty.py"], 104, "error: empty.py: the file declares no scenario"),
        ("loadcore.toml", "user = 1", ["run", "x.py"], 104, "unknown key `user`"),
        ("bad.py", "1 / 0", ["run", "bad.py"], 107, "error: ZeroDivisionError: division by zero"),
        ("bad.py", "1 / 0", ["check", "bad.py"], 107, "bad.py:1"),
        (None, "", ["report", "runs/none"], 104, "error: the run folder runs/none does not exist"),
        (None, "", ["report"], 104, "or start a run: loadcore run SCENARIO"),
        ("port.py", EMPTY_PORT, ["run", "port.py"], 104, "error: port.py:3: the URL `http://h:` has a port"),
        (None, "", ["bench", "http://h/", "-m", "G T"], 104, "error: `G T` is not a method"),
        (None, "", ["bench", "http://h/", "--threshold", "x: errors.rate < 1%"], 104, "error: threshold:"),
        ("short.py", NO_LENGTH, ["run", "short.py"], 104, "error: short.py:3: the load has no duration"),
    ],
)
def test_a_mistake_in_a_file_has_its_code(
    tmp_path: Path, file: str | None, text: str, arguments: list[str], code: int, error: str
) -> None:
    """A bad file or configuration exits with 104, a scenario that raises with 107; no traceback of ours is shown."""
    if file:
        (tmp_path / file).write_text(text, encoding="utf-8")
    done = loadcore(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert error in done.stderr
    assert "Traceback" not in done.stderr


def test_init_writes_a_scenario_once(tmp_path: Path) -> None:
    """The file is there, the next command is named, and a second call leaves it alone."""
    done = loadcore("init", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "wrote scenario.py\n")
    assert "loadcore run scenario.py" in done.stderr
    text = (tmp_path / "scenario.py").read_text(encoding="utf-8")
    again = loadcore("init", cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr == "error: scenario.py already exists\nhint: choose another name: loadcore init NAME\n"
    assert (tmp_path / "scenario.py").read_text(encoding="utf-8") == text


def test_init_for_another_target(tmp_path: Path) -> None:
    """The scenario requests that target, under the name that was asked for."""
    assert loadcore("init", "checkout", "--host", "http://127.0.0.1:9", cwd=tmp_path).returncode == 0
    text = (tmp_path / "checkout.py").read_text(encoding="utf-8")
    assert 'base_url="http://127.0.0.1:9"' in text
    assert "loadcore check checkout.py" in text
    assert loadcore("init", "x", "--host", "127.0.0.1", cwd=tmp_path).returncode == 2


def test_a_closed_pipe_is_no_error() -> None:
    """`loadcore … | head -1` ends without a word on stderr."""
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [sys.executable, "-m", "loadcore", "demo", "--show"], stdout=writing, stderr=subprocess.PIPE, env=environment()
    ) as process:
        os.close(writing)
        _, err = process.communicate(timeout=60)
    assert err == b""
    assert process.returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_streams_without_unicode_get_ascii(tmp_path: Path, encoding: str) -> None:
    """Nothing fails because a mark cannot be encoded."""
    done = loadcore("doctor", cwd=tmp_path, environ={"PYTHONIOENCODING": encoding})
    assert done.stdout.isascii()
    assert done.stderr == ""


def test_users_of_doctor_take_the_place_of_a_rate_in_the_environment(tmp_path: Path) -> None:
    """The command line wins."""
    environ = {"LOADCORE_RATE": "5/s"}
    asked = loadcore("doctor", "-u", "7", "--json", cwd=tmp_path, environ=environ)
    assert json.loads(asked.stdout)["users"] == 7
    of_rate = loadcore("doctor", "--json", cwd=tmp_path, environ=environ)
    assert json.loads(of_rate.stdout)["users"] == 5

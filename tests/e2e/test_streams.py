"""Standard streams that are closed, full or left, and scenarios that print: result and exit code stay right."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from loadcore.errors import ExitCode
from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENARIO = """
from loadcore import Scenario, get, think, users
shop = Scenario("shop", base_url="URL", load=users(2, duration="1s"), steps=[get("/"), think("20ms")])
"""
TALKATIVE = """
import atexit, os, subprocess, sys, threading
print("printed by the scenario")
os.write(1, b"written by the scenario\\n")
subprocess.run(["echo", "said by a child"])
threading.Timer(0.5, print, args=("printed later",)).start()
atexit.register(print, "printed at exit")
import chatty
"""
WITHIN_S = 60
RUN = ("run", "shop.py", "--no-strict-client", "--workers", "1", "--quiet")
CLOSED = (">&-", "2>&-", "<&-", "<&- >&- 2>&-")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A target for all tests of this file."""
    with small_target() as base_url:
        yield base_url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, url: str) -> Path:
    """A folder with a scenario and a finished run."""
    place: Path = tmp_path_factory.mktemp("streams")
    (place / "shop.py").write_text(SCENARIO.replace("URL", url), encoding="utf-8")
    assert loadcore(*RUN, "--out", "done", cwd=place).returncode == 0
    return place


def redirected(arguments: tuple[str, ...], streams: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with streams as a shell makes them."""
    command = shlex.join([sys.executable, "-m", "loadcore", *arguments])
    return subprocess.run(
        ["sh", "-c", f"exec {command} {streams}"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


@pytest.mark.parametrize("streams", CLOSED)
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("version",), 0),
        (("report", "done"), 0),
        (("check", "shop.py"), 0),
        (("run", "missing.py"), ExitCode.CONFIG),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_closed_streams_change_no_exit_code(folder: Path, arguments: tuple[str, ...], code: int, streams: str) -> None:
    """What daemons do before they start a program is nothing to complain about."""
    done = redirected(arguments, streams, folder)

    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr == "" or code


@pytest.mark.parametrize("streams", [*CLOSED, "--progress live 2>&-"])
def test_a_run_with_closed_streams_is_a_whole_run(folder: Path, tmp_path: Path, streams: str) -> None:
    """It is made, sealed and judged, and nothing of its report lands in a file that was opened later."""
    done = redirected((*RUN, "--out", str(tmp_path / "run")), streams, folder)

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "run" / "manifest.json").exists()
    for each in (tmp_path / "run").iterdir():
        assert b"PASS" not in each.read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ("version",),
        ("--help",),
        ("doctor",),
        ("report", "done"),
        ("report", "done", "--json"),
        ("check", "shop.py"),
        ("check", "shop.py", "--json"),
        RUN,
        (*RUN, "--json"),
        ("bench", "URL", "-z", "1s", "-c", "1", "--json", "--no-strict-client", "--quiet"),
    ],
    ids=lambda words: " ".join(word for word in words if not word.startswith("--no")),
)
def test_a_result_that_was_lost_is_no_success(folder: Path, url: str, arguments: tuple[str, ...]) -> None:
    """A full disk takes the document: a message, and an exit code that a script sees."""
    arguments = tuple(url if word == "URL" else word for word in arguments)
    done = redirected(arguments, ">/dev/full", folder)

    assert done.returncode == ExitCode.CONFIG
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


def test_a_reader_that_left_changes_nothing(folder: Path) -> None:
    """`| head -1` ends the printing and nothing else."""
    command = shlex.join([sys.executable, "-m", "loadcore", "report", "done", "--json"])
    done = subprocess.run(
        ["bash", "-c", f"{command} | true; exit ${{PIPESTATUS[0]}}"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("arguments", [RUN, ("check", "shop.py")], ids=lambda words: words[0])
def test_what_a_scenario_prints_is_not_in_the_result(tmp_path: Path, url: str, arguments: tuple[str, ...]) -> None:
    """By whatever means, at whatever time, also from its own modules: stdout is one JSON document."""
    (tmp_path / "shop.py").write_text(TALKATIVE + SCENARIO.replace("URL", url), encoding="utf-8")
    (tmp_path / "chatty.py").write_text('print("printed by a module")\n', encoding="utf-8")
    done = loadcore(*arguments, "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)
    for text in (
        "printed by the scenario",
        "written by the scenario",
        "said by a child",
        "printed by a module",
        "printed later",
        "printed at exit",
    ):
        assert text in done.stderr

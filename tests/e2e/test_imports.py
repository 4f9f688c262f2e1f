"""What is imported before the first request, and what never is: it costs CPU while a user waits."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from loadcore.cli.commands import COMMANDS
from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIBRARIES = {"jinja2", "numpy", "pandas", "psutil", "pyarrow", "pydantic", "rich", "typing_extensions"}
"""What the package depends on, and what that brings along; but for typer, which reads the command line."""
SLOW = {"asyncio", "email", "http", "importlib.metadata", "logging", "statistics", "tomllib", "unittest"}
"""Modules of the standard library that take milliseconds, or bring those that do."""
LATER = {"loadcore.judge.target", "loadcore.processes.watch", "loadcore.report.text", "loadcore.results.sum"}
"""What a run needs after its first second."""
OF_USERS_IN_PYTHON = {"loadcore.scripting.client", "loadcore.scripting.source", "loadcore.scripting.travel"}
"""What a plan without them does not need."""
OF_COMMANDS = {f"loadcore.cli.{name}" for name in COMMANDS}
OF_A_WORKER = {
    "loadcore._core",
    "loadcore.engine",
    "loadcore.machine",
    "loadcore.machine.file_limit",
    "loadcore.processes.messages",
    "loadcore.processes.orders",
    "loadcore.processes.reports",
    "loadcore.processes.row_log",
    "loadcore.results",
    "loadcore.results.file_names",
    "loadcore.results.write",
    "loadcore.results.write.writer",
}
"""What the main module of a worker imports, directly or not."""

UNTIL_GO = """
import os, sys
from loadcore.cli.app import main
from loadcore.processes.workers import Workers

def go(workers, order, out=os.dup(1)):
    os.write(out, " ".join(sys.modules).encode())
    os._exit(0)

Workers.go = go
main(sys.argv[1:])
"""
"""Runs a command until its workers would get the order to start, and lists what is imported by then."""
WHOLE = """
import sys
from loadcore.cli.app import main

try:
    main()
except SystemExit:
    pass
sys.stdout.write("\\n" + " ".join(sys.modules))
"""
"""Runs a command, and lists what is imported in the last line."""
SCENARIO = """
from loadcore import Scenario, get, users
shop = Scenario("shop", base_url="http://127.0.0.1:9", load=users(2), steps=[get("/")])
"""


def imported(program: str, *arguments: str, cwd: Path, **variables: str) -> set[str]:
    """The modules that a program lists."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("options", [[], ["--progress", "live"], ["--progress", "json", "--json"]])
def test_the_first_request_waits_for_no_library(tmp_path: Path, options: Sequence[str]) -> None:
    """The supervisor imports the command, the compiler and what starts workers; a terminal has rich count its cells."""
    found = imported(UNTIL_GO, "bench", "http://127.0.0.1:9/", "-c", "2", "-d", "1s", *options, cwd=tmp_path)
    allowed = {"rich"} if "live" in options else set()
    assert found & (LIBRARIES | SLOW | LATER | OF_USERS_IN_PYTHON) - allowed == set()
    assert not {"rich.live", "rich.console", "loadcore.cli.demo", "loadcore.cli.report"} & found


def test_a_scenario_waits_for_no_library(tmp_path: Path) -> None:
    """Nor does one whose file says `from loadcore import …`."""
    (tmp_path / "shop.py").write_text(SCENARIO, encoding="utf-8")
    found = imported(UNTIL_GO, "run", "shop.py", "-d", "1s", cwd=tmp_path)
    assert found & (LIBRARIES | SLOW | LATER) == set()


@pytest.mark.parametrize(
    ("arguments", "commands"), [("--help", ""), ("run --help", "run"), ("demo --help", "demo target")]
)
def test_help_waits_for_no_library(tmp_path: Path, arguments: str, commands: str) -> None:
    """Nor for anything that a run needs, nor for another command: the list of commands has their summaries."""
    found = imported(WHOLE, *arguments.split(), cwd=tmp_path)
    late = {"importlib.resources", "loadcore._core", "loadcore.compiler", "loadcore.scenario", "tempfile"}
    assert found & (LIBRARIES | SLOW | LATER | late) == set()
    assert found & OF_COMMANDS == {f"loadcore.cli.{name}" for name in commands.split()}


@pytest.mark.parametrize(("words", "place"), [("loadcore ", "1"), ("loadcore r", "1"), ("loadcore bench --dura", "2")])
def test_completion_waits_for_no_library(tmp_path: Path, words: str, place: str) -> None:
    """And of all commands it imports the one that it completes an option of."""
    asked = {"_LOADCORE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": place}
    found = imported(WHOLE, cwd=tmp_path, **asked)
    assert found & (LIBRARIES | SLOW | LATER | {"loadcore._core", "loadcore.compiler"}) == set()
    assert found & {f"loadcore.cli.{name}" for name in COMMANDS} == (
        {"loadcore.cli.bench"} if "bench" in words else set()
    )


def test_a_worker_imports_little_before_the_first_request_and_no_library_ever(tmp_path: Path) -> None:
    """The engine encodes rows and windows, and plans are JSON. The first row to be written brings `hashlib`."""
    with small_target() as url:
        done = loadcore(
            "bench", url, "-c", "1", "-z", "1500ms", "--no-strict-client", "--out", "run",
            cwd=tmp_path, environ={"PYTHONPROFILEIMPORTTIME": "1"},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    log = (tmp_path / "run" / "worker-0.log").read_text(encoding="utf-8")
    names = [line.rpartition("|")[2].strip() for line in log.splitlines() if line.startswith("import time:")]
    before = names[: names.index("hashlib")]
    assert {name for name in before if name.startswith("loadcore")} == OF_A_WORKER
    assert not {"dataclasses", "inspect", "site", "subprocess", "traceback"} & set(before)
    assert not {name.partition(".")[0] for name in names} & (LIBRARIES | {"typer"})


def test_run_never_imports_pandas(tmp_path: Path) -> None:
    """Where pyarrow would: in the supervisor as the run starts."""
    told = tmp_path / "told"
    stub = f"import pathlib, sys\npathlib.Path({str(told)!r}).write_text(sys.argv[0])\nraise ImportError\n"
    (folder := tmp_path / "packages").mkdir()
    (folder / "pandas.py").write_text(stub, encoding="utf-8")
    path = os.pathsep.join([str(folder), environment()["PYTHONPATH"]])
    with small_target() as url:
        done = loadcore(
            "bench", url, "-c", "1", "-z", "1500ms", "--no-strict-client",
            cwd=tmp_path, environ={"PYTHONPATH": path},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not told.exists(), f"imported by {told.read_text(encoding='utf-8')}"

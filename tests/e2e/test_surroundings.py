"""What is around a run may be too small, gone, or in use: said before the first request, with what to do about it."""

from __future__ import annotations

import math
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from loadcore.errors import ExitCode
from loadcore.machine import host
from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENARIO = """
from loadcore import Scenario, get, think, users
shop = Scenario("shop", base_url="URL", load=users(2, duration="1s"), steps=[get("/"), think("20ms")])
"""
WITHIN_S = 60
LENIENT = ("--no-strict-client", "--workers", "1")

SLOW = """
import importlib, sys, time
if any(word.endswith("worker_boot.py") for word in sys.orig_argv):
    time.sleep(600)
sys.path.remove(__file__.rpartition("/")[0])
del sys.modules[__name__]
importlib.import_module(__name__)
"""
"""In place of a module of the standard library: a worker waits in its import, all others get the real one."""


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


@contextmanager
def starting(folder: Path, slow: dict[str, str], workers: int) -> Iterator[tuple[psutil.Popen, list[psutil.Process]]]:
    """A run whose workers never get ready, and those workers once all of them are there.

    Args:
        folder: Where the scenario is.
        slow: Python files by their paths that the workers find before their own.
        workers: How many.
    """
    for name, text in slow.items():
        (folder / "slow" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "slow" / name).write_text(text, encoding="utf-8")
    environ = environment()
    environ["PYTHONPATH"] = f"{folder / 'slow'}{os.pathsep}{environ['PYTHONPATH']}"
    command = [sys.executable, "-m", "loadcore", "run", "shop.py", "--out", "run", "--workers", str(workers)]
    process = psutil.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    )
    found: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + WITHIN_S
        while len(found) < workers:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
            found = [each for each in process.children() if "loadcore.processes.worker_main" in each.cmdline()]
        yield process, found
    finally:
        for each in [process, *found]:
            if each.is_running():
                each.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.mark.parametrize("more", ["one", "many"])
def test_more_workers_than_the_machine_carries_are_refused(tmp_path: Path, scenario: str, more: str) -> None:
    """The reason and the number that fits, before any process or folder is made."""
    fits = max(4, math.ceil(4 * host.allowed_cores()))
    asked = fits + 1 if more == "one" else 10_000
    done = loadcore("run", scenario, "--workers", str(asked), cwd=tmp_path)

    assert done.returncode == ExitCode.CONFIG
    assert f"error: workers: {asked:,} on " in done.stderr
    assert "`--workers " in done.stderr
    assert done.stdout == ""
    assert sorted(each.name for each in tmp_path.iterdir()) == ["shop.py"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
@pytest.mark.usefixtures("scenario")
def test_a_signal_while_workers_start_ends_them_all(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Workers that are still on their way to their first line are ended and waited for; no folder stays."""
    with starting(tmp_path, {"threading.py": SLOW}, 4) as (process, workers):
        process.send_signal(number)
        out, err = process.communicate(timeout=WITHIN_S)
        _, alive = psutil.wait_procs(workers, timeout=0)

    assert process.returncode == code, err
    assert (out, err) == ("", "error: stopped before the first request\n")
    assert alive == []
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("scenario")
def test_workers_that_are_still_importing_see_that_their_supervisor_is_gone(tmp_path: Path) -> None:
    """After kill -9 of the supervisor no worker continues its imports, however long they take."""
    with starting(tmp_path, {"queue.py": SLOW}, 3) as (process, workers):
        process.kill()
        gone, alive = psutil.wait_procs(workers, timeout=WITHIN_S)

    assert (len(gone), alive) == (3, [])


def in_mount(folder: Path, options: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command where `folder/disk` is a file system of its own, with these mount options."""
    (folder / "disk").mkdir()
    mount = f"mount -t tmpfs -o {options} tmpfs {folder / 'disk'}"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no file systems may be mounted here")
    command = shlex.join([sys.executable, "-m", "loadcore", *arguments])
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{mount} && exec {command}"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "reason", "remedy"),
    [
        ("size=64k", "No space left on device", "df -h"),
        ("size=1m", "No space left on device", "df -h"),
        ("size=8m,nr_inodes=1", "No space left on device", "no inodes are left"),
        ("size=8m,nr_inodes=3", "No space left on device", "no inodes are left"),
        ("size=8m,nr_inodes=5", "No space left on device", "no inodes are left"),
        ("size=8m,nr_inodes=6", "No space left on device", "no inodes are left"),
        ("ro", "Read-only file system", "--out"),
    ],
)
def test_a_disk_without_room_refuses_the_run(
    tmp_path: Path, scenario: str, options: str, reason: str, remedy: str
) -> None:
    """One error with its remedy, exit 104, and nothing was sent."""
    done = in_mount(tmp_path, options, "run", scenario, "--out", "disk/run", "--workers", "1")

    assert done.returncode == ExitCode.CONFIG, done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    (error, hint) = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert reason in error
    assert hint.startswith("hint: ")
    assert remedy in hint
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [("run", "../shop.py"), ("check", "../shop.py"), ("bench", "http://127.0.0.1:1/"), ("report",), ("init",)],
    ids=lambda words: words[0],
)
@pytest.mark.usefixtures("scenario")
def test_a_working_directory_that_was_deleted_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A shell whose folder is gone: one error, no traceback, no bug."""
    (tmp_path / "gone").mkdir()
    command = shlex.join([sys.executable, "-m", "loadcore", *arguments])
    done = subprocess.run(
        ["sh", "-c", f"rmdir ../gone; exec {command}"],
        cwd=tmp_path / "gone",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )

    assert done.returncode == ExitCode.CONFIG, done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_user_calls_latest_is_not_in_the_way(tmp_path: Path, scenario: str, kind: str) -> None:
    """The run continues beside it, says so, and leaves it alone."""
    latest = tmp_path / "runs" / "latest"
    latest.parent.mkdir()
    latest.mkdir() if kind == "folder" else latest.write_text("mine")
    done = loadcore("run", scenario, *LENIENT, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert f"is a {kind} of your own" in done.stderr
    assert latest.is_dir() if kind == "folder" else latest.read_text() == "mine"
    (folder,) = [each for each in latest.parent.iterdir() if each != latest]
    assert (folder / "manifest.json").exists()


def test_two_runs_in_one_folder_are_impossible(tmp_path: Path, scenario: str) -> None:
    """Of two that start together one runs, and the other says why it does not."""
    command = [sys.executable, "-m", "loadcore", "run", scenario, "--out", "run", *LENIENT]
    both = [
        subprocess.Popen(
            command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [each.communicate(timeout=WITHIN_S)[1] for each in both]

    assert sorted(each.returncode for each in both) == [0, ExitCode.USAGE], said
    assert "run folder" in said[0 if both[0].returncode else 1]

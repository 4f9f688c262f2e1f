"""How runs of Locust files end where the file ends them, or where a part of them is lost: in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A test machine may be too busy for its client; what that does to an exit code has a test of its own.
LENIENT = ("--no-strict-client", "--progress", "lines")
FILE = """
import os, sys
from locust import HttpUser, constant, events, runners, task

class Shopper(HttpUser):
    wait_time = constant(0.05)

    @task
    def look(self):
        self.client.get("/items")

"""
LEAVES = """
    @task
    def leave(self):
        self.client.get("/last")
        sys.exit(6)
"""
HANGS_ON = """
@events.test_start.add_listener
def note(environment, **_):
    if isinstance(environment.runner, runners.MasterRunner):
        with open("master", "w") as file:
            file.write(str(os.getpid()))
"""


TWICE = """
import gevent

@events.spawning_complete.add_listener
def end(**_):
    if isinstance(runner[0], runners.MasterRunner):
        for _ in range(3):
            gevent.spawn_later(1, runner[0].quit)

runner = []
events.init.add_listener(lambda environment, **_: runner.append(environment.runner))
"""


def listener(event: str, body: str) -> str:
    """A file with a listener."""
    return f"{FILE}@events.{event}.add_listener\ndef listen(**found):\n    {body}\n"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A target for all tests of this file."""
    with small_target() as base_url:
        yield base_url


@pytest.mark.parametrize(
    ("text", "workers", "code", "said"),
    [
        (listener("init", "raise ValueError('mine')"), 1, 107, "ValueError: mine"),
        (listener("init", "raise ValueError('mine')"), 2, 107, "ValueError: mine"),
        (listener("init", "sys.exit(3)"), 1, 107, "SystemExit: 3"),
        (FILE.replace("wait_time", "weight = 0; wait_time"), 1, 107, "no users with weight > 0"),
        (FILE.replace("wait_time", "weight = 0; wait_time"), 2, 107, "no users with weight > 0"),
        (listener("test_start", "sys.exit(3)"), 2, 113, "no request was sent"),
        (FILE + LEAVES, 1, 6, "exit 6 (as the file says"),
        (listener("quitting", "sys.exit(4)"), 2, 4, "exit 4 (as the file says"),
        (listener("quit", "sys.exit('said')"), 1, 1, "worker 0: said"),
        (listener("quitting", "found['environment'].process_exit_code = 'said'"), 1, 1, "worker 0: said"),
        (
            listener(
                "quitting",
                "if isinstance(found['environment'].runner, runners.WorkerRunner): "
                "found['environment'].process_exit_code = 5",
            ),
            2,
            0,
            "exit 0 (pass",
        ),
    ],
)
def test_the_file_may_end_the_process(tmp_path: Path, url: str, text: str, workers: int, code: int, said: str) -> None:
    """Wherever it does, the run ends with it: nothing waits, and the code is the one that Locust would have."""
    (tmp_path / "locustfile.py").write_text(text, encoding="utf-8")
    options = ("-H", url, "-u", "2", "-r", "2", "-t", "2", "--workers", str(workers))
    done = loadcore("run", "locustfile.py", *options, *LENIENT, cwd=tmp_path)
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
    assert "had not ended" not in done.stderr


def test_a_run_whose_master_is_lost_ends(tmp_path: Path, url: str) -> None:
    """And says that nothing decided any more how many users there are; such a run does not pass."""
    (tmp_path / "locustfile.py").write_text(FILE + HANGS_ON, encoding="utf-8")
    command = [sys.executable, "-m", "loadcore", "run", "locustfile.py", "-H", url, "-u", "2", "-r", "2"]
    process = subprocess.Popen(
        [*command, "--workers", "2", *LENIENT],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until = time.monotonic() + 60
    while not (tmp_path / "master").exists() or not (tmp_path / "master").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(int((tmp_path / "master").read_text()), signal.SIGKILL)
    said, _ = process.communicate(timeout=60)
    assert process.returncode in {111, 113}, said
    assert "Locust's master was lost (killed by signal 9)" in " ".join(said.split())


def test_a_run_that_is_ended_twice_ends_once(tmp_path: Path, url: str) -> None:
    """All workers hear of it, though who asks second has nothing left to do."""
    (tmp_path / "locustfile.py").write_text(FILE + TWICE, encoding="utf-8")
    options = ("-H", url, "-u", "3", "-r", "3", "-L", "DEBUG", "--workers", "3")
    done = loadcore("run", "locustfile.py", *options, *LENIENT, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("Got quit message from master") == 3

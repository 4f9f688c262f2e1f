"""A run in a process of its own, whose events a test can wait for.

`python -m tests.e2e.running URL OUT USERS DURATION WORKERS PATH GRACEFUL_STOP` runs a scenario and prints one JSON
document a line: the start, each second, each message, and at the end the exit code, with which it exits.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

import loadcore
from loadcore import Scenario, get, think, users
from loadcore.live.listeners import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadcore.engine import Description
    from loadcore.live.frame import Frame
    from loadcore.results.open.run import Run

ROOT = Path(__file__).parent.parent.parent
WITHIN_S = 60


@dataclass
class Running:
    """The process, and what it has said."""

    process: subprocess.Popen[str]
    folder: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    def until(self, key: str, least: int | None = None) -> dict[str, Any]:
        """Read on until an event of this kind comes; one of `second` until this second."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            self.events.append(event)
            if key in event and (least is None or event[key] >= least):
                return event
        raise AssertionError(f"the run ended without {key}: {self.events}")

    def workers(self) -> list[psutil.Process]:
        """The processes of the workers."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "loadcore.processes.worker_main" in child.cmdline()]

    def end(self) -> int:
        """Read everything, wait; the exit code."""
        assert self.process.stdout is not None
        self.events += [json.loads(line) for line in self.process.stdout]
        return self.process.wait(WITHIN_S)

    def messages(self) -> list[str]:
        """What the run has printed so far."""
        return [event["message"] for event in self.events if "message" in event]


@contextmanager
def running(
    url: str,
    folder: Path,
    *,
    count: int = 10,
    duration: str = "60s",
    workers: int = 2,
    path: str = "/items",
    graceful_stop: str = "5s",
    before: str = "",
) -> Iterator[Running]:
    """A run in progress; it ends with the block.

    Args:
        url: Its target.
        folder: Its folder.
        count: Users.
        duration: How long.
        workers: Processes.
        path: What each iteration asks for.
        graceful_stop: How long running iterations may take after the end.
        before: Commands of the shell that starts it, ending with `&&`.
    """
    numbers = [str(count), duration, str(workers)]
    arguments = [sys.executable, "-m", "tests.e2e.running", url, str(folder), *numbers, path, graceful_stop]
    command = ["bash", "-c", f'{before} exec "$0" "$@"', *arguments]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'python'}{os.pathsep}{ROOT}"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment, process_group=0
    ) as process:
        try:
            yield Running(process, folder)
        finally:
            process.send_signal(signal.SIGKILL)


class _Printer(Listener):
    def on_start(self, description: Description) -> None:
        _print({"start": description.connections})

    def on_window(self, frame: Frame, second: int) -> None:
        _print({"second": second, "requests": frame.total.requests})

    def on_message(self, text: str) -> None:
        _print({"message": text})

    def on_end(self, run: Run) -> None:
        _print({"end": run.exit_code, "reasons": run.verdict["reasons"]})


def _print(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def _main() -> int:
    url, folder, count, duration, workers, path, graceful_stop = sys.argv[1:]
    scenario = Scenario(
        "shop", base_url=url, load=users(int(count), duration=duration), steps=[get(path, name="items"), think("20ms")]
    )
    run = loadcore.run(scenario, workers=int(workers), out=folder, listeners=[_Printer()], graceful_stop=graceful_stop)
    return run.exit_code


if __name__ == "__main__":
    sys.exit(_main())

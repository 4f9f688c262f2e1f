"""Runs one situation: a server, a client in its surroundings, and then both sides of the story."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.verdict import front, served, surroundings
from tests.verdict.laws import MS, Phases, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.verdict.served import Served
    from tests.verdict.situation import Situation

ROOT = Path(__file__).parent.parent.parent
_AT_MOST_S = 180
_ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'python'}{os.pathsep}{ROOT}"}


@dataclass(frozen=True)
class Observed:
    """What a run said, and what the server saw."""

    exit_code: int
    summary: dict[str, Any]
    """Empty where nothing was sent."""
    text: str
    """What the client printed, on both outputs."""
    truth: tuple[float, ...] | None
    """p50, p95 and p99 by the server's log, in nanoseconds; None where it is not the truth of the times."""
    arrived_in_slow_phases: int | None = None
    answered: int = 0
    """By the server."""


def why_not(situation: Situation) -> str | None:
    """Why a situation cannot be made on this machine; None if it can."""
    if situation.target.front and not front.is_there():
        return "nginx and openssl are not installed"
    return surroundings.missing(situation.around)


def run(situation: Situation, seed: int, folder: Path) -> Observed:
    """Run a situation once.

    Args:
        situation: Which one.
        seed: Of the client's and the server's random numbers.
        folder: Where the run, the server's log and what was printed are kept.
    """
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        wrap = stack.enter_context(surroundings.namespace(situation.around))
        url, server = stack.enter_context(_target(situation, seed, folder, wrap))
        limits, group = stack.enter_context(surroundings.limited(situation.around))
        stack.enter_context(surroundings.competing(situation.around))
        command = [*wrap, *limits, sys.executable, "-m", "loadcore", "run", str(ROOT / "tests/verdict/scenario.py")]
        options = ["--workers", str(situation.workers), "--seed", str(seed), "--progress", "none", "--no-calibrate"]
        environment = {
            **_ENVIRONMENT,
            "VERDICT_SITUATION": situation.key,
            "VERDICT_SEED": str(seed),
            "VERDICT_URL": url,
        }
        with (folder / "printed.txt").open("w+", encoding="utf-8") as printed:
            client = subprocess.Popen(
                [*command, *options, "--out", str(folder / "run")],
                cwd=folder,
                env=environment,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
            try:
                exit_code = _watch(situation, client, server, group)
            finally:
                client.kill()
                client.wait()
            printed.seek(0)
            text = printed.read()
    return _observed(situation, exit_code, text, folder)


def _watch(situation: Situation, client: subprocess.Popen[bytes], server: _Server, group: Path | None) -> int:
    """Wait for the client's end, and do to it what the situation does from its first request on."""
    end = time.monotonic() + _AT_MOST_S
    while not server.is_asked.wait(0.02) and client.poll() is None and time.monotonic() < end:
        pass
    surroundings.starve(situation.around, group)
    with surroundings.stopping(situation.around, client.pid):
        return client.wait(timeout=max(1.0, end - time.monotonic()))


def _observed(situation: Situation, exit_code: int, text: str, folder: Path) -> Observed:
    path = folder / "run" / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    log = served.read(folder / "server.log")
    of_times = {"server": log, "front": _front_log(situation, folder), "none": []}[situation.truth]
    slow = None
    law = situation.target.law
    if situation.due_in_slow_phases and isinstance(law, Phases):
        slow = served.arrived_while(log, law.is_slow)
    times = [each.took_ns for each in of_times]
    if situation.timeout_ms is not None:
        times += [situation.timeout_ms * MS] * _timed_out(summary)
    return Observed(exit_code, summary, text, served.percentiles(times), slow, len(log))


def _timed_out(summary: dict[str, Any]) -> int:
    """How many requests the client gave up."""
    outcomes = summary.get("all", {}).get("outcomes", {})
    return sum(count for outcome, count in outcomes.items() if outcome.startswith("timeout"))


def _front_log(situation: Situation, folder: Path) -> list[Served]:
    return front.read(folder / "front") if situation.target.front else []


@dataclass(frozen=True)
class _Server:
    process: subprocess.Popen[str]
    is_asked: threading.Event


@contextmanager
def _target(situation: Situation, seed: int, folder: Path, wrap: list[str]) -> Iterator[tuple[str, _Server]]:
    """The server, behind nginx if asked, and its address. When the block has ended, its log is written."""
    target, around = situation.target, situation.around
    pinned = ["taskset", "-c", around.target_cores] if around.target_cores else []
    command = [*wrap, *pinned, sys.executable, "-m", "tests.verdict.server", to_json(target.law)]
    arguments = [str(folder / "server.log"), "--seed", str(seed), *target.options]
    is_asked = threading.Event()
    with subprocess.Popen(
        [*command, *arguments], cwd=ROOT, env=_ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            threading.Thread(target=_await_first, args=(process, is_asked), daemon=True).start()
            server = _Server(process, is_asked)
            if target.front:
                (folder / "front").mkdir()
                upstream = url.removeprefix("http://")
                with front.front(target, upstream, _free_port(), folder / "front", wrap) as front_url:
                    yield front_url, server
            else:
                yield url, server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _await_first(process: subprocess.Popen[str], is_asked: threading.Event) -> None:
    assert process.stdout is not None
    if process.stdout.readline().strip() == "first":
        is_asked.set()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port

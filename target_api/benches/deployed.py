"""The gateway that a case is measured on: alone or scaled out, as child processes for as long as a block runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_STOP_S = 60.0


@dataclass(frozen=True)
class Deployed:
    """A gateway that takes requests.

    Attributes:
        pid: Its main process.
        url: Where clients send their requests.
        admin_token: Opens its counters and faults.
        folder: Where it keeps its data.
    """

    pid: int
    url: str
    admin_token: str
    folder: Path


@contextmanager
def gateway(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Deployed]:
    """One gateway with one worker.

    Args:
        arguments: Further options of `python -m loadcore_target`.
        environment: Its settings.

    Raises:
        RuntimeError: It did not start.
    """
    with tempfile.TemporaryDirectory(prefix="loadcore-target-") as folder:
        own = [
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--workers",
            "1",
            "--data-dir",
            f"{folder}/data",
            "--exit-with-parent",
        ]
        with _running(["loadcore_target", *own, *arguments], Path(folder), environment or {}) as running:
            yield running


@contextmanager
def stack(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Deployed]:
    """Several gateways behind a balancer, with what they share.

    Args:
        arguments: Options of `python -m loadcore_target.deploy`.
        environment: The gateways' settings.

    Raises:
        RuntimeError: It did not start.
    """
    with tempfile.TemporaryDirectory(prefix="loadcore-target-") as folder:
        command = ["loadcore_target.deploy", "--folder", folder, *arguments]
        with _running(command, Path(folder), environment or {}) as running:
            yield running


@contextmanager
def _running(module: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Deployed]:
    log = folder / "deployed.log"
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **environment},
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                said = log.read_text(encoding="utf-8", errors="replace").strip()
                raise RuntimeError(f"{module[0]} did not start: {said}")
            ready = json.loads(line)
            yield Deployed(process.pid, ready["url"], ready["admin_token"], folder)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    """Ends it; kills its process group, which holds nothing but what it started, if it takes longer than a minute."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)

"""The null target: a process of its own, so that what it costs is not taken for the client's.

`python -m loadcore.calibration.null_target` reads its answers from the first line of standard input, prints its port,
and serves on loopback until standard input ends: it does not outlive who started it.
"""

from __future__ import annotations

import base64
import json
import os
import site
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loadcore.engine import NullTarget
from loadcore.errors import RunError
from loadcore.machine.file_limit import raise_file_limit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_READ_BYTES = 1 << 16
_END_WITHIN_S = 5.0


@dataclass(frozen=True)
class Running:
    """A null target that serves."""

    url: str
    pid: int


@contextmanager
def null_target(answers: Sequence[bytes]) -> Iterator[Running]:
    """A null target with these answers, for as long as the block lasts.

    Raises:
        RunError: It did not start.
    """
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        process_group=0,  # Ctrl-C is for the run.
    ) as process:
        try:
            yield Running(f"http://127.0.0.1:{_port_of(process, answers)}", process.pid)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _port_of(process: subprocess.Popen[bytes], answers: Sequence[bytes]) -> int:
    """Hands the answers over; where it listens."""
    if process.stdin is None or process.stdout is None:
        raise RunError("the null target has no pipes")
    line = json.dumps([base64.b64encode(answer).decode() for answer in answers]).encode() + b"\n"
    try:
        process.stdin.write(line)
        process.stdin.flush()
        return int(process.stdout.readline())
    except (OSError, ValueError):
        process.kill()
        said = process.stderr.read().decode(errors="replace").strip().splitlines() if process.stderr else []
        raise RunError(f"the null target did not start: {said[-1] if said else 'it printed nothing'}") from None


def _environment() -> dict[str, str]:
    """Our environment, in which the null target finds the same package, also where only our `sys.path` names it."""
    root = str(Path(__file__).parents[2])
    if root in site.getsitepackages():
        return dict(os.environ)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *([] if root in paths else [root])])}


def _main() -> None:
    raise_file_limit()
    line = bytearray()
    while not line.endswith(b"\n"):
        # Not `sys.stdin`, which would read ahead of the end that the server waits for.
        piece = os.read(0, _READ_BYTES)
        if not piece:
            return
        line += piece
    target = NullTarget([base64.b64decode(answer) for answer in json.loads(line)])
    sys.stdout.write(f"{target.port}\n")
    sys.stdout.flush()
    target.serve()


if __name__ == "__main__":
    _main()

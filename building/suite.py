"""Announces the test suite, or runs and times one part: `python3 -m building.suite [PART COMMAND …]`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTS = {
    "setup": "installs packages into .venv and compiles the engine: 2 to 4 minutes the first time",
    "engine": "the engine's tests: 2 to 4 minutes to compile, 1 to run",
    "package": "the tests of the package and of the gateway: about 23 minutes",
}
"""Each with what it does and how long that takes on two free cores."""

PROGRAMS = {
    "strace": "strace",
    "valgrind": "valgrind",
    "ip": "iproute2",
    "haproxy": "haproxy",
    "nginx": "nginx-light",
    "redis-server": "redis-server",
    "prometheus": "prometheus",
}
"""Programs that some tests need, with Debian's packages of them."""


def main() -> int:
    """Announces everything, or runs one part; its exit code."""
    if len(sys.argv) == 1:
        print("\n".join(announcement()), flush=True)
        return 0
    return run(sys.argv[1], sys.argv[2:])


def announcement() -> list[str]:
    """What the suite will do, and what it will skip on this machine."""
    lines = ["make test does three things:", *(f"  {name:<8} {what}" for name, what in PARTS.items())]
    missing = [(name, package) for name, package in PROGRAMS.items() if not _installed(name)]
    if missing:
        lines += [
            f"not installed: {', '.join(name for name, _ in missing)}; the tests that need them are skipped",
            f"  apt-get install {' '.join(package for _, package in missing)}",
        ]
    return lines


def run(part: str, command: Sequence[str]) -> int:
    """Runs a part and prints how long it took."""
    print(f"{part}: {PARTS[part]}", flush=True)
    started = time.monotonic()
    code = subprocess.run(command, check=False).returncode
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(f"{part}: {'passed' if code == 0 else f'failed ({code})'} after {minutes} min {seconds} s", flush=True)
    return code if code >= 0 else 128 - code


def _installed(program: str) -> bool:
    """Whether a program is there, also where only root's path leads."""
    return shutil.which(program) is not None or any(
        Path(folder, program).exists() for folder in ("/usr/sbin", "/sbin", "/usr/local/sbin")
    )


if __name__ == "__main__":
    sys.exit(main())

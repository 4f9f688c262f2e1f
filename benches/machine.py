"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from benches import affinity, tools


def describe() -> dict[str, str]:
    """The machine and the versions of what runs on it."""
    processor = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "processor": f"{len(affinity.cores())} x {processor[1] if processor else platform.machine()}",
        "memory": f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "unknown",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load average": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        **{name: found for name, words in _VERSIONS.items() if (found := version(words))},
        **({"revision": revision} if (revision := _first_line(_REVISION)) else {}),
    }


_VERSIONS = {
    "rustc": ["rustc", "--version"],
    "wrk": ["wrk", "-v"],
    "nginx": ["nginx", "-v"],
}
_REVISION = ["git", "rev-parse", "--short", "HEAD"]


def version(words: list[str]) -> str | None:
    """The first version number in what a program says of itself; nothing if it is not there or says none."""
    found = re.search(r"\d+[.]\d+[.\w]*", _first_line(words) or "")
    return found[0] if found else None


def _first_line(words: list[str]) -> str | None:
    try:
        done = subprocess.run([tools.find(words[0]), *words[1:]], capture_output=True, text=True, check=False)
    except tools.MissingToolError:
        return None
    lines = (done.stdout + done.stderr).splitlines()
    return lines[0].strip() if lines else None

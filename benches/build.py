"""Builds what is measured: the engine's examples, in the release profile."""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ("run_plan", "nullsrv", "floor")


@functools.cache
def built() -> dict[str, Path]:
    """Paths of the built examples, by name.

    Raises:
        subprocess.CalledProcessError: They do not build; cargo has said why.
    """
    names = [argument for name in EXAMPLES for argument in ("--example", name)]
    command = ["cargo", "build", "--release", "--package", "loadcore-core", *names]
    output = subprocess.run(
        [*command, "--message-format", "json-render-diagnostics"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout
    return executables(output.decode())


def executables(messages: str) -> dict[str, Path]:
    """Executables among cargo's JSON messages, by name."""
    found = {}
    for line in messages.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message.get("executable"):
            found[message["target"]["name"]] = Path(message["executable"])
    return found

"""Processes of ours in which Locust may be imported."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def command(module: str) -> list[str]:
    """What runs a module of this package, whichever folder is the working one."""
    return [sys.executable, "-m", f"loadcore.locustfiles.{module}"]


def environment() -> dict[str, str]:
    """Our environment, in which a child finds the same package, also where only our `sys.path` names it."""
    root = str(Path(__file__).parents[2])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *([] if root in paths else [root])])}

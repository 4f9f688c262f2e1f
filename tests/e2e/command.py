"""Runs `loadcore` as a user does: in a process of its own, with streams that are not a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process' environment without what would change the output, plus some variables."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LOADCORE_")
        and name not in {"NO_COLOR", "FORCE_COLOR", "CI", "COLUMNS", "GITHUB_ACTIONS"}
    }
    path = os.pathsep.join(part for part in (os.environ.get("PYTHONPATH"), _REPOSITORY) if part)
    # Byte code is kept between the many short commands of a test run, also where the environment says not to write any.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    own = {
        "PYTHONPATH": path,
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPYCACHEPREFIX": f"{_REPOSITORY}/.pytest_cache/bytecode",
    }
    return {**kept, **own, **(variables or {})}


def loadcore(
    *arguments: str, cwd: Path, timeout: float = 110, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end.

    Args:
        arguments: What follows `loadcore`.
        cwd: Where it runs.
        timeout: Seconds until the test gives up.
        environ: Added to the environment.
    """
    return subprocess.run(
        [sys.executable, "-m", "loadcore", *arguments],
        cwd=cwd,
        env=environment(environ),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )

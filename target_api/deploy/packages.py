"""Finds the programs of Debian's packages, and says what to install where one is missing."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from loadcore_target.deploy.topology import Service

# Servers are kept out of a user's PATH, and PostgreSQL's out of everyone's.
_ELSEWHERE = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_POSTGRESQL = Path("/usr/lib/postgresql")
_MODULES = {
    "postgres": ("asyncpg", "loadcore[target-replicas]"),
    "redis": ("redis", "loadcore[target-replicas]"),
}


class MissingError(Exception):
    """Programs that a stack needs are not installed; the message has a line for each."""


def find(program: str) -> str | None:
    """The path of a program, or `None`."""
    if program == "python":
        return sys.executable
    postgresql = [str(path) for path in sorted(_POSTGRESQL.glob("*/bin"), key=_version, reverse=True)]
    path = os.pathsep.join([*postgresql, os.environ.get("PATH", os.defpath), *_ELSEWHERE])
    return shutil.which(program, path=path)


def missing(services: Iterable[Service]) -> list[str]:
    """One line for each thing that is not installed: what, and the command that installs it."""
    lines = []
    for service in services:
        if find(service.program) is None:
            lines.append(
                f"{service.name} ({service.summary}) needs `{service.program}`, which is not installed: "
                f"apt-get install {service.package}"
            )
        module, extra = _MODULES.get(service.name, ("", ""))
        if module and importlib.util.find_spec(module) is None:
            lines.append(f"{service.name} needs Python's `{module}`: pip install '{extra}'")
    return lines


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.parent.name.split(".") if part.isdigit())

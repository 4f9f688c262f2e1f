"""Gets the other tools, each from the package that its own page names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benches import tools

FOLDER = Path(tempfile.gettempdir()) / "loadcore-bench-peers"
PLACES = (FOLDER / "bin", FOLDER / "venv" / "bin", FOLDER / "npm" / "node_modules" / ".bin")


@dataclass(frozen=True)
class Package:
    """Where a tool comes from."""

    program: str
    kind: str
    name: str


PACKAGES = (
    Package("h2load", "debian", "nghttp2-client"),
    Package("hey", "debian", "hey"),
    Package("ab", "debian", "apache2-utils"),
    Package("oha", "cargo", "oha"),
    Package("k6", "go", "go.k6.io/k6@latest"),
    Package("vegeta", "go", "github.com/tsenart/vegeta/v12@latest"),
    Package("k9", "pip", "k9-load"),
    Package("locust", "pip", "locust"),
    Package("autocannon", "npm", "autocannon"),
)


def find(program: str) -> str:
    """Path of a tool.

    Raises:
        MissingToolError: It is not installed.
    """
    for place in PLACES:
        if (found := shutil.which(program, path=str(place))) is not None:
            return found
    if (found := shutil.which(program)) is not None:
        return found
    how = next(
        (f"{package.kind} package {package.name}" for package in PACKAGES if package.program == program), program
    )
    raise tools.MissingToolError(f"{program} is not installed ({how})")


def install(package: Package) -> str | None:
    """Installs a tool unless it is there; what went wrong, if something did."""
    try:
        find(package.program)
    except tools.MissingToolError:
        FOLDER.mkdir(exist_ok=True)
        try:
            done = subprocess.run(
                _command(package),
                check=False,
                capture_output=True,
                text=True,
                env={**os.environ, "GOBIN": str(FOLDER / "bin")},
            )
        except OSError as error:
            return f"{package.program}: {error}"
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it failed without a word"]
        return f"{package.program}: {lines[-1]}" if done.returncode else None
    return None


def _command(package: Package) -> list[str]:
    match package.kind:
        case "debian":
            return ["apt-get", "install", "-y", "-qq", package.name]
        case "cargo":
            return ["cargo", "install", "--quiet", "--locked", "--root", str(FOLDER), package.name]
        case "go":
            return ["go", "install", package.name]
        case "npm":
            return ["npm", "install", "--silent", "--prefix", str(FOLDER / "npm"), package.name]
        case _:
            make = f"{sys.executable} -m venv {FOLDER}/venv && {FOLDER}/venv/bin/pip install --quiet {package.name}"
            return ["sh", "-c", make]

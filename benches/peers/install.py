"""Gets the other tools, each from the package that its own page names."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benches import machine, tools
from benches.peers import jmeter

FOLDER = Path(tempfile.gettempdir()) / "loadcore-bench-peers"
PLACES = (FOLDER / "bin", FOLDER / "venv" / "bin", FOLDER / "npm" / "node_modules" / ".bin")


@dataclass(frozen=True)
class Package:
    """Where a tool comes from."""

    program: str
    kind: str
    name: str
    version: str | None = "--version"
    """What it is asked for its version with; it may not say one."""


PACKAGES = (
    Package("h2load", "debian", "nghttp2-client"),
    Package("hey", "debian", "hey", version=None),
    Package("ab", "debian", "apache2-utils", version="-V"),
    Package("oha", "cargo", "oha"),
    Package("vegeta", "go", "github.com/tsenart/vegeta/v12@latest", version="-version"),
    Package("k9", "pip", "k9-load"),
    Package("locust", "pip", "locust"),
    Package("autocannon", "npm", "autocannon"),
    Package("jmeter", "maven", "org.apache.jmeter:ApacheJMeter"),
)
NOT_INSTALLED = {"k6": "put it on PATH to measure it; its licence, AGPL, is why nothing here installs it"}
"""Tools that are measured if they are already installed."""
JMETER = FOLDER / "jmeter"


def find(program: str) -> str:
    """Path of a tool.

    Raises:
        MissingToolError: It is not installed.
    """
    if program in NOT_INSTALLED:
        if (found := shutil.which(program)) is None:
            raise tools.MissingToolError(f"{program} is not on PATH ({NOT_INSTALLED[program]})")
        return found
    for place in PLACES:
        if (found := shutil.which(program, path=str(place))) is not None:
            return found
    if (found := shutil.which(program)) is not None:
        return found
    how = next(
        (f"{package.kind} package {package.name}" for package in PACKAGES if package.program == program), program
    )
    raise tools.MissingToolError(f"{program} is not installed ({how})")


def installed(package: Package) -> bool:
    """Whether the tool is there."""
    if package.kind == "maven":
        return jmeter.launcher(JMETER).exists()
    try:
        find(package.program)
    except tools.MissingToolError:
        return False
    return True


def versions() -> dict[str, str]:
    """Of the tools that are there and say theirs."""
    found = {}
    for package in (*PACKAGES, *(Package(name, "", "", "version") for name in NOT_INSTALLED)):
        with contextlib.suppress(tools.MissingToolError):
            if package.kind == "maven":
                said: str | None = jmeter.VERSION if installed(package) else None
            else:
                said = machine.version([find(package.program), package.version]) if package.version else None
            if said:
                found[package.program] = said
    return found


def install(package: Package) -> str | None:
    """Installs a tool unless it is there; what went wrong, if something did."""
    if installed(package):
        return None
    FOLDER.mkdir(exist_ok=True)
    try:
        problem = jmeter.install(JMETER) if package.kind == "maven" else _install(package)
    except OSError as error:
        problem = str(error)
    return problem and f"{package.program}: {problem}"


def _install(package: Package) -> str | None:
    done = subprocess.run(
        _command(package),
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "GOBIN": str(FOLDER / "bin")},
    )
    lines = (done.stderr or done.stdout).strip().splitlines() or ["it failed without a word"]
    return lines[-1] if done.returncode else None


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

"""Makes a clone's environment: `python3 -m building.environment .venv --for demo|development`.

Packages are installed while the engine is compiled, and both say how far they are. What already exists and still fits
is left alone.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

from building.parts import Engine, Packages, Part, PartFailedError, run

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
PROFILE = "quick"
_EXTRAS = {"demo": ("target",), "development": ("target", "target-replicas")}
_GROUPS = {"demo": (), "development": ("development",)}


def main() -> int:
    """Makes the environment; 0 if it is ready."""
    parser = argparse.ArgumentParser(prog="python3 -m building.environment", description=__doc__)
    parser.add_argument("venv", type=Path)
    parser.add_argument("--for", dest="purpose", choices=_EXTRAS, default="development")
    parser.add_argument("--profile", default=PROFILE, help="of Cargo.toml: quick to compile, or release")
    arguments = parser.parse_args()
    problems = missing_programs()
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        return 1
    started = time.monotonic()
    try:
        make(arguments.venv.absolute(), arguments.purpose, arguments.profile)
    except (PartFailedError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"ready in {time.monotonic() - started:.0f} s: {arguments.venv}/bin/loadcore", file=sys.stderr)
    return 0


def missing_programs() -> list[str]:
    """What this machine lacks for building the engine, and the remedy."""
    if shutil.which("cargo") is None:
        return [
            f"cargo is missing: the engine is written in Rust; install Rust {_rust_version()} or newer, then try again"
        ]
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        return ["a C compiler is missing: Rust links with it; install gcc or clang, then try again"]
    return []


def make(venv: Path, purpose: str, profile: str) -> None:
    """Creates `venv` if need be, installs the packages of a purpose and compiles the engine, both at once."""
    python = venv / "bin" / "python"
    if not python.exists():
        print(f"making {venv}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    # What compiles is needed first; the rest can come while it does.
    _pip(python, "install", "--quiet", "maturin")
    parts: list[Part] = []
    wanted = requirements(purpose)
    stamp, fits = venv / f".packages-for-{purpose}", _fingerprint(wanted)
    if not stamp.exists() or stamp.read_text("utf-8") != fits:
        command = [str(python), "-m", "pip", "install", "--progress-bar=off", *wanted]
        parts.append(Packages("packages", command, f"{len(wanted)} packages and what they need are installed"))
    maturin = [str(venv / "bin" / "maturin"), "develop", "--locked", "--profile", profile]
    parts.append(Engine("engine", [*maturin, "--skip-install"], f"compiled (profile {profile})", crates=_crates()))
    print("installing packages, compiling the engine:" if len(parts) > 1 else "compiling the engine:", file=sys.stderr)
    environment = _environment(venv)
    run(parts, folder=ROOT, environment=environment, out=sys.stderr)
    stamp.write_text(fits, "utf-8")
    run([Part("loadcore", maturin, "installed")], folder=ROOT, environment=environment, out=sys.stderr)


def requirements(purpose: str) -> list[str]:
    """What a purpose needs, as `pyproject.toml` says it."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project, groups = document["project"], document["dependency-groups"]
    extras = [line for name in _EXTRAS[purpose] for line in project["optional-dependencies"][name]]
    return [*project["dependencies"], *extras, *(line for name in _GROUPS[purpose] for line in _group(groups, name))]


def _group(groups: dict[str, list[Any]], name: str) -> list[str]:
    """What a dependency group asks for, and the groups that it includes."""
    lines: list[str] = []
    for entry in groups[name]:
        lines += [entry] if isinstance(entry, str) else _group(groups, entry["include-group"])
    return lines


def _environment(venv: Path) -> dict[str, str]:
    return {
        **os.environ,
        "VIRTUAL_ENV": str(venv),
        "PIP_CONSTRAINT": str(CONSTRAINTS),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_QUIET": "0",
        "CARGO_TERM_COLOR": "never",
    }


def _pip(python: Path, *words: str) -> None:
    subprocess.run([python, "-m", "pip", *words], cwd=ROOT, env=_environment(python.parent.parent), check=True)


def _fingerprint(wanted: list[str]) -> str:
    """Changes with what is asked for and with the versions that it is pinned to."""
    return hashlib.sha256("\n".join([*wanted, CONSTRAINTS.read_text("utf-8")]).encode()).hexdigest()


def _crates() -> int:
    """How many crates the engine is made of."""
    command = ["cargo", "tree", "--locked", "--quiet", "--package", "loadcore-py", "--edges", "normal,build"]
    command += ["--prefix", "none", "--no-dedupe"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return len({" ".join(line.split()[:2]) for line in listed.stdout.splitlines()})


def _rust_version() -> str:
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))
    return str(manifest["workspace"]["package"]["rust-version"])


if __name__ == "__main__":
    sys.exit(main())

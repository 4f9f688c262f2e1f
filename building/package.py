"""Builds what is released, a wheel or the source distribution: `python3 -m building.package wheel|sdist dist`.

What is committed is exported to a folder of its own and built there: no file that only this clone has gets in. The
README's links lead to the version in the repository, because nothing is beside it on the page of a package index.
In a checkout that is thrown away, `python3 -m building.package readme` changes the README in place.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from building import machine_paths
from building.links import absolute
from building.release import version

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "target" / "committed"
"""Not `target/package`, which cargo takes for its own: it looks for no workspace there."""
BUILDS = {"wheel": ("build", "--release", "--locked"), "sdist": ("sdist",)}
"""What maturin is asked to do."""


def main() -> int:
    """Builds one of them, or changes the README; 0 if that worked."""
    parser = argparse.ArgumentParser(prog="python3 -m building.package", description=__doc__)
    parser.add_argument("what", choices=[*BUILDS, "readme"])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("dist"), help="where to write it; by default dist")
    arguments = parser.parse_args()
    if arguments.what == "readme":
        describe(ROOT)
        return 0
    if problems := missing():
        print(*problems, sep="\n", file=sys.stderr)
        return 1
    export(SOURCES)
    describe(SOURCES)
    command = [str(maturin()), *BUILDS[arguments.what], "--out", str(arguments.folder.absolute())]
    code = subprocess.run(command, cwd=SOURCES, env=environment(), check=False).returncode
    for wheel in arguments.folder.glob("*.whl"):
        machine_paths.take_out(wheel)
    return code


def missing() -> list[str]:
    """What this machine lacks for building, and the remedy."""
    problems = []
    if maturin() is None:
        problems.append("maturin is missing: pip install --constraint .ci/constraints.txt maturin")
    if not (ROOT / ".git").exists():
        problems.append("this is not a clone: what is released is built from a commit")
    return problems


def maturin() -> Path | None:
    """Where maturin is: beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("maturin")
    on_path = shutil.which("maturin")
    return beside if beside.exists() else Path(on_path).absolute() if on_path else None


def export(folder: Path) -> None:
    """Writes the files of the commit that is checked out to a folder, in place of what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", "HEAD"))) as archive:
        archive.extractall(folder, filter="tar")
    if changed := _git("status", "--porcelain").decode().rstrip():
        print("left out, because it is not committed:", changed, sep="\n", file=sys.stderr)


def describe(sources: Path) -> None:
    """Leads the README's links to the version in the repository."""
    readme = sources / "README.md"
    readme.write_text(absolute(readme.read_text("utf-8"), f"v{version()}"), "utf-8")


def environment() -> dict[str, str]:
    """The same sources give the same bytes: the time is that of the commit, and no path of this machine gets in."""
    cargo = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    # The last one that fits counts.
    paths = {str(ROOT): "loadcore", str(SOURCES): "loadcore", cargo: "cargo"}
    return {
        **os.environ,
        "SOURCE_DATE_EPOCH": _git("log", "-1", "--format=%ct").decode().strip(),
        "RUSTFLAGS": " ".join(f"--remap-path-prefix={path}={name}" for path, name in paths.items()),
        "CARGO_TARGET_DIR": str(ROOT / "target"),
    }


def _git(*words: str) -> bytes:
    """What git prints about this clone."""
    return subprocess.run([shutil.which("git") or "git", *words], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())

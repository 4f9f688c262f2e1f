"""Builds the image as the Dockerfile says, and lays its files into a folder: `python -m building.image [--wheel FILE]`.

That folder can be the root of a process, as of the pods in `tests/integration/test_pods.py`. Where a Docker daemon
answers, Docker builds. Elsewhere buildah does, in a chroot, as root. The images that the Dockerfile begins with are
then made here under their names, of Debian's packages and of the Rust and the Python of this machine, since no registry
of images is asked: the one thing in which such a build differs. With `--wheel` the first stage is not built, and the
second one takes this wheel.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from building.wheel_test import find

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "Dockerfile"
FOLDER = ROOT / "target" / "image"
TREE = FOLDER / "tree"
IMAGE = "localhost/loadcore"
FIRST_STAGE = "build"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_FROM = re.compile(r"^FROM (?P<name>(?P<kind>rust|python):(?P<version>[\d.]+)-slim-(?P<suite>\w+))", re.MULTILINE)
_PACKAGES = {
    "rust": "ca-certificates,gcc,libc6-dev",
    # What the interpreter is linked with.
    "python": "ca-certificates,libbz2-1.0,libffi8,liblzma5,libreadline8,libsqlite3-0,libssl3,zlib1g",
}


def main() -> int:
    """Builds it; 0 if it is there."""
    parser = argparse.ArgumentParser(prog="python -m building.image", description=__doc__)
    parser.add_argument("--wheel", type=Path, help="take this wheel in place of building one")
    arguments = parser.parse_args()
    try:
        build(arguments.wheel)
    except subprocess.CalledProcessError as failed:
        print(f"{' '.join(map(str, failed.cmd))} ended with {failed.returncode}", file=sys.stderr)
        return 1
    print(TREE)
    return 0


def build(wheel: Path | None) -> None:
    """Build the image, and lay its files into `TREE`."""
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        context = []
        if wheel is not None:
            (Path(folder) / "dist").mkdir()
            shutil.copy(wheel, Path(folder) / "dist")
            context = ["--build-context", f"{FIRST_STAGE}={folder}"]
        if _answers(["docker", "info"]):
            _with_docker(context)
        else:
            _with_buildah(context, bases(DOCKERFILE.read_text("utf-8"), without_rust=wheel is not None))


def bases(dockerfile: str, *, without_rust: bool) -> list[re.Match[str]]:
    """The images that the Dockerfile begins with."""
    return [found for found in _FROM.finditer(dockerfile) if not (without_rust and found["kind"] == "rust")]


def _with_docker(context: Sequence[str]) -> None:
    _run(["docker", "build", "--tag", IMAGE, *context, str(ROOT)])
    container = _output(["docker", "create", IMAGE])
    try:
        packed = FOLDER / "tree.tar"
        _run(["docker", "export", "--output", str(packed), container])
        _run(["tar", "--extract", "--file", str(packed), "--directory", str(TREE)])
        packed.unlink()
    finally:
        _run(["docker", "rm", container])


def _with_buildah(context: Sequence[str], begin_with: Sequence[re.Match[str]]) -> None:
    for base in begin_with:
        if not _answers([*_buildah("inspect"), "--type", "image", f"docker.io/library/{base['name']}"]):
            _make_base(base)
    # What is downloaded for compiling is kept between builds.
    crates = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "registry"
    kept = ["--volume", f"{crates}:/usr/local/cargo/registry"] if crates.is_dir() else []
    build_it = ["--isolation", "chroot", "--pull-never", "--tag", IMAGE, *kept, *context]
    _run([*_buildah("bud"), *build_it, "--file", str(DOCKERFILE), str(ROOT)])
    _in_container(IMAGE, lambda mounted, _container: _run(["cp", "--archive", f"{mounted}/.", str(TREE)]))


def _make_base(base: re.Match[str]) -> None:
    """Make an image that is like one of Docker's official ones."""
    kind, version = base["kind"], base["version"]

    def fill(mounted: Path, container: str) -> None:
        included = f"--include={_PACKAGES[kind]}"
        _run(["debootstrap", "--variant=minbase", included, base["suite"], str(mounted)])
        {"rust": _copy_rust, "python": _copy_python}[kind](mounted / "usr" / "local", version)
        _run(["chroot", str(mounted), "ldconfig"])
        # Whom this machine trusts, and where packages come from.
        shutil.copy(AUTHORITIES, mounted / str(AUTHORITIES)[1:])
        settings = ["CARGO_HOME=/usr/local/cargo", f"PIP_CERT={AUTHORITIES}", f"CARGO_HTTP_CAINFO={AUTHORITIES}"]
        path = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        _run([*_buildah("config"), *(word for each in (path, *settings) for word in ("--env", each)), container])
        _run([*_buildah("commit"), container, f"docker.io/library/{base['name']}"])

    _in_container("scratch", fill)


def _copy_rust(into: Path, version: str) -> None:
    found = _output(["rustc", "--version"]).split()[1]
    if not found.startswith(f"{version}."):
        raise SystemExit(f"the Dockerfile begins with Rust {version}, this machine has {found}")
    for part in ("bin", "lib"):
        shutil.copytree(Path(_output(["rustc", "--print", "sysroot"])) / part, into / part, dirs_exist_ok=True)


def _copy_python(into: Path, version: str) -> None:
    python = find(version)
    if python is None:
        raise SystemExit(f"the Dockerfile begins with Python {version}, which this machine does not have")
    prefix = Path(_output([str(python), "-c", "import sys; print(sys.base_prefix)"]))
    shutil.copytree(prefix, into, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("test", "idlelib"))
    # Scripts name the interpreter where it came from.
    for script in (into / "bin").glob("pip*"):
        script.unlink()
    own = into / "bin" / f"python{version}"
    (into / "bin" / "pip").write_text('#!/bin/sh\nexec python3 -m pip "$@"\n')
    (into / "bin" / "pip").chmod(0o755)
    for name in ("python3", "python"):
        (into / "bin" / name).unlink(missing_ok=True)
        (into / "bin" / name).symlink_to(own.name)


def _in_container(image: str, do: Callable[[Path, str], None]) -> None:
    """Do something with the files of a new container, and with it."""
    container = _output([*_buildah("from"), "--pull-never", image])
    try:
        do(Path(_output([*_buildah("mount"), container])), container)
    finally:
        _run([*_buildah("rm"), container])


def _buildah(verb: str) -> list[str]:
    return ["buildah", "--root", str(FOLDER / "storage"), "--runroot", str(FOLDER / "run"), verb]


def _answers(words: Sequence[str]) -> bool:
    if shutil.which(words[0]) is None:
        return False
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def _output(words: Sequence[str]) -> str:
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _run(words: Sequence[str]) -> None:
    subprocess.run(words, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

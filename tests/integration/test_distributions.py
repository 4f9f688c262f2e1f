"""What is published: a wheel that adds two packages and nothing else, and the source distribution it is built from."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from building import wheel_test

ROOT = Path(__file__).parent.parent.parent
NOT_PACKED = ("loadcore_target/tests/", "loadcore_target/benches/")
EXTENSION = "loadcore/_core.abi3.so"


def _tracked() -> set[str]:
    """The files of both packages that are in the repository, by the paths that they are installed at."""
    listed = subprocess.run(
        ["git", "ls-files", "python", "target_api"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    files = [name for name in listed if (ROOT / name).is_file() and not name.endswith(".md")]
    installed = {name.removeprefix("python/").replace("target_api/", "loadcore_target/", 1) for name in files}
    return {name for name in installed if not name.startswith(NOT_PACKED)}


def _profile() -> str:
    """The profile in which the engine was built last: another one would take minutes more."""
    built = sorted(ROOT.glob("target/*/lib_core.so"), key=lambda file: file.stat().st_mtime)
    return built[-1].parent.name.replace("debug", "dev") if built else "dev"


@pytest.fixture(scope="module", name="wheel")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "maturin", "build", "--profile", _profile(), "--out", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


def test_the_source_distribution_is_complete(tmp_path: Path) -> None:
    """It holds the engine, the package and the whole reference gateway, so that its wheel has a demo."""
    subprocess.run(
        [sys.executable, "-m", "maturin", "sdist", "--out", tmp_path], cwd=ROOT, check=True, capture_output=True
    )
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        members = file.getmembers()
    packed = {member.name.partition("/")[2] for member in members}

    assert {f"python/{name}" for name in _tracked()} - packed == set()
    assert {"Cargo.lock", "LICENSE-MIT", "LICENSE-APACHE", "README.md", "rust/loadcore-core/src/engine.rs"} <= packed
    assert not any(name.removeprefix("python/").startswith(NOT_PACKED) for name in packed)
    assert all(member.isfile() for member in members)


@pytest.mark.timeout(600)
def test_the_wheel_adds_two_packages_and_nothing_else(wheel: Path) -> None:
    """An environment gains `loadcore` and `loadcore_target`: no other top-level name, no `.pth` file."""
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())

    packages = {PurePosixPath(name).parts[0] for name in names if ".dist-info/" not in name}
    assert packages == {"loadcore", "loadcore_target"}
    assert not [name for name in names if name.endswith((".pth", ".pyc"))]
    assert {name for name in names if ".dist-info/" not in name} == {*_tracked(), EXTENSION}


@pytest.mark.timeout(600)
def test_the_wheel_installs_with_pip_and_uv_and_runs(wheel: Path) -> None:
    """In an empty environment each, it prints its help, and counts as many requests as a server was sent."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    tried = list(wheel_test.try_all(wheel, {version: Path(sys.executable)}))
    assert [(each.python, each.installer) for each in tried] == [(version, "pip"), (version, "uv")]


@pytest.mark.timeout(600)
def test_the_gateway_of_a_wheel_starts_outside_of_the_repository(wheel: Path, tmp_path: Path) -> None:
    """Its modules, its templates and its start-up know each other by the name that they are installed as."""
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "site")
    variables = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    where = "import loadcore, loadcore_target as target; print(loadcore.__file__, target.__file__)"
    users = ["-m", "loadcore_target", "seed", "--users", "2", "--csv", "users.csv"]
    look = ["-m", "loadcore_target.deploy", "--help"]
    told = [
        subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=variables, check=True, capture_output=True, text=True
        ).stdout
        for arguments in (["-c", where], users, look)
    ]

    assert [file.startswith(str(tmp_path / "site")) for file in told[0].split()] == [True, True]
    assert len((tmp_path / "users.csv").read_text().splitlines()) == 3
    assert "python -m loadcore_target.deploy" in told[2]


def test_the_gateway_has_one_name() -> None:
    """Its folder can be imported from the repository's root alone, so nothing may import it by that name."""
    search = ["git", "grep", "-nE", r"(^|[^.[:alnum:]_])(from|import) target_api\b|-m[\", ]+target_api\b"]
    assert subprocess.run(search, cwd=ROOT, check=False, capture_output=True, text=True).stdout == ""

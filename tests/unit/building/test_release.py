"""What keeps a release from being one."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from building.release import NOT_YET, missing, notes, outdated, version
from building.vendor import pack

if TYPE_CHECKING:
    from pathlib import Path

_CHANGELOG = (
    f"# Changelog\n\n## Unreleased\n\n## {version()} - 2026-11-28\n\n### Added\n\n- All.\n\n## 0.0.1 - 2020-01-01\n"
)
_TAGS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64",
    "macosx_11_0_arm64",
    "macosx_10_12_x86_64",
)
_FILES = (
    *(f"loadcore-{version()}-cp311-abi3-{tag}.whl" for tag in _TAGS),
    f"loadcore-{version()}-cp314-cp314t-manylinux_2_28_x86_64.whl",
    f"loadcore-{version()}.tar.gz",
    f"loadcore-{version()}-vendor.tar.xz",
)


def test_a_whole_release_lacks_nothing() -> None:
    """Wheels of all platforms, sources, vendored crates, a tag and notes."""
    assert missing(f"v{version()}", _FILES, _CHANGELOG) == []


@pytest.mark.parametrize("file", [name for name in _FILES if "cp314t" not in name])
def test_each_file_is_needed(file: str) -> None:
    """But for the wheel of interpreters without the lock, which a release does without."""
    (problem,) = missing(f"v{version()}", [name for name in _FILES if name != file], _CHANGELOG)
    assert problem.startswith("no file like ")


def test_another_tag_and_a_changelog_without_the_version_are_reported_together() -> None:
    """Both, each with its remedy."""
    problems = missing("v9.9.9", _FILES, "# Changelog\n\n## Unreleased\n")
    assert [problem.partition(":")[0].split()[0] for problem in problems] == ["the", "CHANGELOG.md"]


def test_a_page_that_denies_the_release_is_named() -> None:
    """The description on the package index must not say that the package index lacks it."""
    (problem,) = outdated({"README.md": f"loadcore is {NOT_YET}.", "docs/x.md": "pip install loadcore"})
    assert problem.startswith("README.md says ")


def test_the_notes_are_the_section_of_the_version() -> None:
    """Neither what is unreleased nor older versions."""
    assert notes(_CHANGELOG, version()) == "### Added\n\n- All.\n"


def test_an_archive_is_the_same_whoever_packs_it(tmp_path: Path) -> None:
    """Its bytes depend on names and contents alone, not on times and owners."""
    archives = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        (folder / "b").mkdir(parents=True)
        for name in ("b/two", "a") if number == 1 else ("a", "b/two"):
            (folder / name).write_text(name, "utf-8")
        (folder / "a").chmod(0o600 if number == 1 else 0o644)
        archives.append(pack(folder, tmp_path / f"{number}.tar.xz", "loadcore-1"))
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as file:
        assert file.getnames() == ["loadcore-1/a", "loadcore-1/b/two"]

"""What is released is what is committed, with a description that a package index can show."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from building import package
from building.environment import ROOT
from building.links import absolute, relative

if TYPE_CHECKING:
    from pathlib import Path

_README = """\
# loadcore

<picture>
  <source srcset="docs/dark.png">
  <img alt="A: b" src="docs/light.png">
</picture>

[Install](docs/install.md#linux), [figures](#cost) and [others](https://example.com/a#b).

```
not [a link](docs/x.md)
```
"""
_ABSOLUTE = """\
# loadcore

<picture>
  <source srcset="https://raw.githubusercontent.com/loadcore/loadcore/v1/docs/dark.png">
  <img alt="A: b" src="https://raw.githubusercontent.com/loadcore/loadcore/v1/docs/light.png">
</picture>

[Install](https://github.com/loadcore/loadcore/blob/v1/docs/install.md#linux), \
[figures](https://github.com/loadcore/loadcore/blob/v1/README.md#cost) and [others](https://example.com/a#b).

```
not [a link](docs/x.md)
```
"""


def test_links_and_pictures_lead_to_the_version_in_the_repository() -> None:
    """Also those to headings of the page itself, which an index does not know; code stays as it is."""
    assert absolute(_README, "v1") == _ABSOLUTE
    assert absolute(_ABSOLUTE, "v1") == _ABSOLUTE
    assert relative(_README) == ["docs/install.md#linux", "#cost", "docs/dark.png", "docs/light.png"]
    assert relative(_ABSOLUTE) == []


def test_every_link_of_the_description_leads_to_a_file() -> None:
    """The README as a package index shows it has no link that only a clone can follow."""
    text = absolute((ROOT / "README.md").read_text("utf-8"), "v1")
    assert relative(text) == []
    paths = re.findall(r"loadcore/loadcore/(?:blob/)?v1/([^)\s\"#]+)", text)
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, a change that is not committed, and a file that git does not know."""
    folder = tmp_path / "clone"
    folder.mkdir()
    (folder / "README.md").write_text(_README, "utf-8")
    (folder / "link").symlink_to("README.md")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "--quiet"], ["add", "."], [*author, "commit", "--quiet", "--message=one"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    (folder / "README.md").write_text("changed", "utf-8")
    (folder / "unknown").touch()
    monkeypatch.setattr(package, "ROOT", folder)
    return folder


@pytest.mark.usefixtures("clone")
def test_what_is_not_committed_is_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A release has the files of its commit, whatever lies beside them or lay there before."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    package.export(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "link"]
    assert (tmp_path / "out" / "link").is_symlink()
    assert (tmp_path / "out" / "README.md").read_text("utf-8") == _README
    told = capsys.readouterr().err
    assert "README.md" in told
    assert "unknown" in told


def test_the_same_commit_gives_the_same_bytes_anywhere(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is that of the commit, and paths of this machine are replaced."""
    monkeypatch.setenv("CARGO_HOME", "/home/a/.cargo")
    made = package.environment()
    time = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=clone, capture_output=True, text=True, check=True)
    assert made["SOURCE_DATE_EPOCH"] == time.stdout.strip()
    assert f"--remap-path-prefix={clone}=loadcore " in made["RUSTFLAGS"]
    assert made["RUSTFLAGS"].endswith("--remap-path-prefix=/home/a/.cargo=cargo")


def test_all_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The program and the clone, each with the remedy."""
    monkeypatch.setattr(package, "ROOT", tmp_path)
    monkeypatch.setattr(package, "maturin", lambda: None)
    assert [problem.partition(":")[0] for problem in package.missing()] == ["maturin is missing", "this is not a clone"]

"""The revision of a git repository, as git itself says it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from loadcore.machine import revision

if TYPE_CHECKING:
    from pathlib import Path

_WHO = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]


def git(folder: Path, *arguments: str) -> str:
    """What git prints."""
    done = subprocess.run(["git", *_WHO, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, and time enough to look at it."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    monkeypatch.setattr(revision, "_WAIT_S", 30)
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.py").write_text("1")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


def test_commit_branch_and_changes(repository: Path) -> None:
    """Of a folder below the repository, too; untracked files are not changes."""
    inner = repository / "inner"
    inner.mkdir()
    commit = git(repository, "rev-parse", "HEAD")
    assert revision.look(inner) == {"commit": commit, "branch": "main", "dirty": False}
    (repository / "new.py").write_text("2")
    assert revision.look(repository) == {"commit": commit, "branch": "main", "dirty": False}
    (repository / "a.py").write_text("3")
    assert revision.look(repository) == {"commit": commit, "branch": "main", "dirty": True}


def test_packed_references_detached_heads_and_work_trees(repository: Path) -> None:
    """Wherever git keeps a reference."""
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "pack-refs", "--all")
    packed = revision.read(repository)
    git(repository, "worktree", "add", "-q", "../other", "-b", "side/one")
    other = revision.read(repository.parent / "other")
    git(repository, "checkout", "-q", "--detach")
    detached = revision.read(repository)
    found = [(each.commit, each.branch) for each in (packed, other, detached) if each]
    assert found == [(commit, "main"), (commit, "side/one"), (commit, None)]


def test_outside_of_a_repository_and_before_its_first_commit(tmp_path: Path) -> None:
    """There is no revision, and no error."""
    assert revision.look(tmp_path) is None
    (tmp_path / ".git").mkdir()
    assert revision.look(tmp_path) is None
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    assert revision.look(tmp_path) is None


def test_a_slow_status_is_not_waited_for(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is not known whether files differ; the commit is."""
    monkeypatch.setattr(revision, "_WAIT_S", 0)
    found = revision.look(repository)
    assert found is not None
    assert found["dirty"] is None

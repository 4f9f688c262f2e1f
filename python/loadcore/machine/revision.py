"""Which revision of a git repository a folder is at: the code that a run was started from."""

from __future__ import annotations

import subprocess
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_WAIT_S = 0.05
"""While workers get ready this is free; a repository whose status takes longer stays unknown."""
_COMMIT_DIGITS = (40, 64)
_MOST_LINKS = 5


@dataclass(frozen=True, slots=True)
class Revision:
    """Where a repository stood.

    Attributes:
        commit: Its hash.
        branch: The branch; None where no branch is checked out, as in most CI systems.
        dirty: Whether tracked files differ from the commit; None where git could not say in time.
    """

    commit: str
    branch: str | None = None
    dirty: bool | None = None


def look(folder: Path) -> dict[str, Any] | None:
    """The revision of a folder, as JSON types; None outside of a repository.

    Commit and branch are read from files, which costs nothing; for the rest git is asked, and not for long.
    """
    try:
        found = read(folder)
    except (OSError, ValueError):
        found = None
    return None if found is None else {**asdict(found), "dirty": _is_dirty(folder)}


def read(folder: Path) -> Revision | None:
    """The commit and the branch; None outside of a repository, and before its first commit.

    Raises:
        OSError: A file of the repository cannot be read.
        ValueError: It is not what git writes.
    """
    own = _git_folder(folder)
    if own is None:
        return None
    common = own / "commondir"
    shared = own / common.read_text("utf-8").strip() if common.is_file() else own
    head = (own / "HEAD").read_text("utf-8").strip()
    branch = None
    for _ in range(_MOST_LINKS):
        if not head.startswith("ref: "):
            break
        name = head.removeprefix("ref: ")
        branch = branch or name.removeprefix("refs/heads/")
        head = _resolved(name, own, shared)
    is_commit = len(head) in _COMMIT_DIGITS and all(each in "0123456789abcdef" for each in head)
    return Revision(head, branch) if is_commit else None


def _git_folder(folder: Path) -> Path | None:
    """Where the repository of a folder is kept: a work tree may have but a file that says where."""
    for each in (folder, *folder.parents):
        place = each / ".git"
        if place.is_dir():
            return place
        if place.is_file():
            return each / place.read_text("utf-8").strip().removeprefix("gitdir: ")
    return None


def _resolved(name: str, own: Path, shared: Path) -> str:
    """What a reference says; empty if there is none of that name."""
    for place in (own / name, shared / name):
        if place.is_file():
            return place.read_text("utf-8").strip()
    packed = shared / "packed-refs"
    for line in packed.read_text("utf-8").splitlines() if packed.is_file() else ():
        commit, _, called = line.partition(" ")
        if called == name:
            return commit
    return ""


def _is_dirty(folder: Path) -> bool | None:
    command = ["git", "--no-optional-locks", "status", "--porcelain", "--untracked-files=no"]
    try:
        status = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):  # There is no git, or there is too much to look at.
        return None
    return None if status.returncode else bool(status.stdout)

"""The temporary folders of targets."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING

from loadcore.cli import target_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_new_folder_takes_the_place_of_those_of_killed_gateways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a dead gateway left is removed; folders that are in use, new, or without a gateway's lock stay."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _folder(tmp_path / "loadcore-target-killed", age_s=3600)
    living = _folder(tmp_path / "loadcore-target-living", age_s=3600)
    young = _folder(tmp_path / "loadcore-target-young", age_s=1)
    other = _folder(tmp_path / "another-killed", age_s=3600)
    stack = tmp_path / "loadcore-target-stack"
    stack.mkdir()
    with (living / "data" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = target_folder.new()
    assert set(tmp_path.iterdir()) == {living, young, other, stack, made}


def _folder(path: Path, age_s: float) -> Path:
    (path / "data").mkdir(parents=True)
    lock = path / "data" / "lock"
    lock.touch()
    then = time.time() - age_s
    os.utime(lock, (then, then))
    return path

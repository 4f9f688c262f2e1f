"""The folder of a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.errors import UsageError
from loadcore.results import manifest
from loadcore.results.run_folder import RunFolder, new_run_id, write_durably
from loadcore.results.writer import FileFacts


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=20, unique=True))
def test_ids_sort_by_time(moments: list[int]) -> None:
    """Sorting ids sorts runs by when they were started."""
    ids = {new_run_id(moment): moment for moment in moments}

    assert [ids[run_id] for run_id in sorted(ids)] == sorted(moments)
    assert {len(run_id) for run_id in ids} == {26}


def test_an_id_holds_its_time() -> None:
    """The first ten characters are the milliseconds in Crockford's base 32."""
    assert new_run_id(1_469_918_176_385)[:10] == "01ARYZ6S41"


def test_ids_of_one_moment_differ() -> None:
    """Two runs started in the same millisecond have different folders."""
    assert len({new_run_id(1) for _ in range(1000)}) == 1000


def test_runs_stand_in_runs_and_latest_is_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`runs/latest` points at the run that was started last."""
    monkeypatch.chdir(tmp_path)
    first = RunFolder.create("A")
    second = RunFolder.create("B")

    assert first.path == tmp_path / "runs" / "A"
    assert (tmp_path / "runs" / "latest").resolve() == second.path
    assert (tmp_path / "runs" / "latest").readlink() == Path("B")


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    """A run never writes over another one."""
    (tmp_path / "something").write_text("mine")

    with pytest.raises(UsageError, match="is not empty"):
        RunFolder.create("A", tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """The reason stands in the message."""
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="Not a directory"):
        RunFolder.create("A", tmp_path / "file" / "run")


def test_a_durable_write_replaces_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails the old content stays and nothing is left beside it."""
    path = tmp_path / "summary.json"
    write_durably(path, "old")

    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        write_durably(path, "new")

    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["summary.json"]


def test_room_for_the_summary_is_set_aside_and_given_back(tmp_path: Path) -> None:
    """A disk that fills up in the meantime has room for the summary; a finished folder holds nothing of it."""
    folder = RunFolder(tmp_path)
    folder.reserve()
    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_blocks * 512 >= 1 << 20

    folder.release()
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_finds_what_changed(tmp_path: Path) -> None:
    """A missing file and a wrong size are found at once, a changed byte when hashes are compared."""
    folder = RunFolder(tmp_path)
    for name in ("run.json", "summary.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "requests-0.arrow").write_bytes(b"abc")
    facts = FileFacts("requests-0.arrow", 1, 3, manifest.sha256_of(tmp_path / "requests-0.arrow"), sealed=True)
    manifest.seal(folder, {"run_id": "A", "seed": 1}, [facts])
    document = manifest.read(folder)

    assert document is not None
    assert (document["run_id"], document["seed"]) == ("A", 1)
    assert manifest.check(folder, document, hashes=True) == []

    (tmp_path / "requests-0.arrow").write_bytes(b"abd")
    assert manifest.check(folder, document, hashes=False) == []
    assert manifest.check(folder, document, hashes=True) == [
        "requests-0.arrow has the right size but not the content that was sealed"
    ]

    (tmp_path / "requests-0.arrow").write_bytes(b"ab")
    (tmp_path / "summary.json").unlink()
    assert manifest.check(folder, document, hashes=False) == [
        "requests-0.arrow has 2 bytes, the manifest says 3",
        "summary.json is missing",
    ]

"""The folder of a run."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadcore.errors import ExitCode, LimitsError, UsageError
from loadcore.results.run_facts import FileFacts
from loadcore.results.run_folder import RunFolder, new_run_id, write_durably
from loadcore.results.write import manifest


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
    assert (first.make_latest(), second.make_latest()) == (None, None)

    assert first.path == tmp_path / "runs" / "A"
    assert (tmp_path / "runs" / "latest").resolve() == second.path
    assert (tmp_path / "runs" / "latest").readlink() == Path("B")


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    """A run never writes over another one."""
    (tmp_path / "something").write_text("mine")

    with pytest.raises(UsageError, match="is not empty"):
        RunFolder.create("A", tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """The reason is in the message."""
    (tmp_path / "file").write_text("")

    with pytest.raises(LimitsError, match="Not a directory") as caught:
        RunFolder.create("A", tmp_path / "file" / "run")

    assert caught.value.exit_code == ExitCode.CONFIG
    assert caught.value.problems[0].hint is not None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_folder_without_room_is_refused_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Room for the summary is taken before anything starts: without it there is a reason, a remedy, and no folder."""

    def fail(*_arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", fail)
    with pytest.raises(LimitsError) as caught:
        RunFolder.create("A", tmp_path / "run")

    (problem,) = caught.value.problems
    assert os.strerror(number) in problem.message
    assert str(tmp_path / "run") in problem.message
    assert problem.hint is not None
    assert list(tmp_path.iterdir()) == []


def test_one_of_many_runs_gets_a_folder(tmp_path: Path) -> None:
    """Eight that want the same folder at the same moment: one has it, seven get an error, and it holds one claim."""
    for attempt in range(20):
        folder = tmp_path / str(attempt)
        barrier = threading.Barrier(8)

        def create(folder: Path = folder, barrier: threading.Barrier = barrier) -> str:
            barrier.wait()
            try:
                RunFolder.create("A", folder)
            except UsageError as refused:
                return str(refused)
            return "mine"

        with ThreadPoolExecutor(8) as threads:
            said = [each.result() for each in [threads.submit(create) for _ in range(8)]]
        assert said.count("mine") == 1
        assert all("run folder" in each for each in said if each != "mine")
        assert len(list(folder.iterdir())) == 1


def test_a_folder_of_a_run_that_has_ended_is_not_given_out_again(tmp_path: Path) -> None:
    """Its claim is gone, its files are not."""
    first = RunFolder.create("A", tmp_path / "run")
    first.start.write_text("{}")
    first.release()

    with pytest.raises(UsageError, match="is not empty"):
        RunFolder.create("A", tmp_path / "run")
    assert first.start.read_text() == "{}"


def test_a_run_that_did_not_start_leaves_nothing_but_what_workers_said(tmp_path: Path) -> None:
    """The folder goes; with the log of a worker in it, it stays."""
    folder = RunFolder.create("A", tmp_path / "run")
    folder.plan.write_text("{}")
    folder.discard()
    assert list(tmp_path.iterdir()) == []

    folder = RunFolder.create("A", tmp_path / "run")
    folder.log(0).write_text("Traceback")
    folder.discard()
    assert [each.name for each in folder.path.iterdir()] == ["worker-0.log"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_user_calls_latest_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """It is neither replaced nor in the way, and a sentence says so."""
    monkeypatch.chdir(tmp_path)
    latest = tmp_path / "runs" / "latest"
    latest.parent.mkdir()
    latest.mkdir() if kind == "folder" else latest.write_text("mine")
    folder = RunFolder.create("A")

    assert f"is a {kind} of your own" in str(folder.make_latest())
    assert latest.is_dir() if kind == "folder" else latest.read_text() == "mine"
    assert sorted(each.name for each in latest.parent.iterdir()) == ["A", "latest"]


def test_a_file_system_without_links_has_no_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run continues, and a sentence says why."""
    monkeypatch.chdir(tmp_path)

    def fail(*_arguments: object, **_options: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", fail)
    assert "Operation not permitted" in str(RunFolder.create("A").make_latest())


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
    folder = RunFolder.create("A", tmp_path)
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
        "requests-0.arrow has the right size but different content from when it was sealed"
    ]

    (tmp_path / "requests-0.arrow").write_bytes(b"ab")
    (tmp_path / "summary.json").unlink()
    assert manifest.check(folder, document, hashes=False) == [
        "requests-0.arrow has 2 bytes, but the manifest says 3",
        "summary.json is missing",
    ]


def test_a_link_or_a_pipe_is_written_into(tmp_path: Path) -> None:
    """What stands for a stream, like /dev/stdout, is not replaced by a file."""
    file, link, pipe = tmp_path / "file", tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(file)
    os.mkfifo(pipe)
    write_durably(link, "through")
    with ThreadPoolExecutor(1) as pool:
        came = pool.submit(pipe.read_text)
        write_durably(pipe, "into")
        assert came.result(30) == "into"
    assert (link.is_symlink(), file.read_text(), pipe.is_fifo()) == (True, "through", True)


def test_what_a_file_is_appended_to_stays(tmp_path: Path) -> None:
    """`--markdown /dev/stdout >> notes.md`: what is in the file stays, by whichever name the descriptor is meant."""
    notes = tmp_path / "notes"
    notes.write_text("before\n")
    with notes.open("a") as file:
        for number, name in enumerate(("/dev/fd/{}", "/proc/self/fd/{}", f"/proc/{os.getpid()}/fd/{{}}")):
            write_durably(Path(name.format(file.fileno())), f"{number}\n")
        link = tmp_path / "link"
        link.symlink_to(f"/dev/fd/{file.fileno()}")
        write_durably(link, "by a link\n")
    assert notes.read_text() == "before\n0\n1\n2\nby a link\n"

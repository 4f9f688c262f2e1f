"""Runs have names, tags and a revision, are listed, and removed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.e2e.command import loadcore
from tests.e2e.small_target import small_target
from tests.unit.comparison.runs import made, summary

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_is_named_tagged_listed_and_removed(tmp_path: Path) -> None:
    """The list finds it by its tag; removing it leaves what is not a run."""
    with small_target() as url:
        arguments = ("-n", "5", "-c", "1", "--name", "nightly", "--tag", "build=17", "--no-strict-client")
        ran = loadcore("bench", f"{url}/", *arguments, "--workers", "1", cwd=tmp_path, environ={"LOADCORE_TAG": "a=b"})
    assert ran.returncode in {0, 111}, ran.stderr
    (folder,) = [each for each in (tmp_path / "runs").iterdir() if not each.is_symlink()]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["name"], manifest["tags"], manifest["revision"]) == ("nightly", {"build": "17"}, None)
    listed = loadcore("runs", "list", "--tag", "build=17", cwd=tmp_path)
    assert "nightly" in listed.stdout
    assert "1 run, " in listed.stdout
    none = json.loads(loadcore("runs", "list", "--tag", "build=18", "--json", cwd=tmp_path).stdout)
    assert none == {"runs": []}
    removed = loadcore("runs", "rm", "latest", cwd=tmp_path)
    assert removed.stdout.endswith(")\nremoved 1 run, " + removed.stdout.rpartition(", ")[2])
    assert list((tmp_path / "runs").iterdir()) == []


def test_old_runs_are_removed_and_the_newest_kept(tmp_path: Path) -> None:
    """A dry run only says so; without a choice nothing is removed."""
    for name in ("one", "two", "three"):
        made(tmp_path / "runs" / name, summary(10))
    said = loadcore("runs", "rm", "--older-than", "1d", "--keep-newest", "2", "--dry-run", cwd=tmp_path)
    assert "would remove 1 run, " in said.stdout, said.stderr
    assert len(list((tmp_path / "runs").iterdir())) == 3
    (tmp_path / "runs" / "web").mkdir()
    (tmp_path / "runs" / "web" / "run.json").write_text("{}")
    done = loadcore("runs", "rm", "--keep-newest", "1", cwd=tmp_path)
    assert "removed 2 runs" in done.stdout
    assert (tmp_path / "runs" / "web").is_dir()
    for wrong in (("rm",), ("rm", "one", "--keep-newest", "1"), ("rm", "--older-than", "7"), ("list", "--in", "none")):
        refused = loadcore("runs", *wrong, cwd=tmp_path)
        assert (refused.returncode, refused.stdout) == (2, ""), wrong
    for name in ("nix", "runs", "runs/web"):
        refused = loadcore("runs", "rm", name, "--dry-run", cwd=tmp_path)
        assert (refused.returncode, refused.stdout) == (104, ""), name
    made(tmp_path / "elsewhere" / "four", summary(10))
    (tmp_path / "elsewhere" / "latest").symlink_to("four")
    (tmp_path / "runs" / "latest").symlink_to("one")
    done = loadcore("runs", "rm", "latest", "--in", "elsewhere", cwd=tmp_path)
    assert "removed 1 run, " in done.stdout, done.stderr
    assert not (tmp_path / "elsewhere" / "four").exists()


def test_the_tag_of_runs_to_come_chooses_no_runs(tmp_path: Path) -> None:
    """`LOADCORE_TAG` tags what runs; it neither filters the list nor chooses what is removed."""
    made(tmp_path / "runs" / "one", summary(10))
    environ = {"LOADCORE_TAG": "build=17"}
    assert "1 run, " in loadcore("runs", "list", cwd=tmp_path, environ=environ).stdout
    removed = loadcore("runs", "rm", cwd=tmp_path, environ=environ)
    assert removed.returncode == 2
    assert "name runs, or say which" in removed.stderr
    wrong = loadcore("runs", "list", "--tag", "build", cwd=tmp_path)
    assert 'write it as "build=17"' in wrong.stderr

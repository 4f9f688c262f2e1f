"""`loadcore compare` and baselines, with real runs."""

from __future__ import annotations

import json
import re
import shlex
import sys
from typing import TYPE_CHECKING

from loadcore.comparison.interleave import turns
from tests.e2e.command import loadcore
from tests.e2e.small_target import small_target
from tests.unit.comparison.runs import several

if TYPE_CHECKING:
    from pathlib import Path

_SCENARIO = """
from loadcore import Scenario, get, users
shop = Scenario("shop", load=users(2, duration="300ms"), steps=[get("/slow")])
"""
_ENVIRON = {"LOADCORE_PROGRESS": "none", "LOADCORE_WORKERS": "1"}


def test_a_baseline_is_saved_and_compared_with(tmp_path: Path) -> None:
    """Two runs make a baseline; one run has no verdict against it, and another load is refused before it is sent."""
    (tmp_path / "shop.py").write_text(_SCENARIO)
    with small_target() as url:
        environ = {**_ENVIRON, "LOADCORE_BASE_URL": url, "LOADCORE_STRICT_CLIENT": "false"}
        for _ in range(5):  # A run that a busy machine disturbed is not saved.
            saved = loadcore("run", "shop.py", "--runs", "2", "--save-baseline", "main", cwd=tmp_path, environ=environ)
            if told := re.search(r"saved (1 run|2 runs) as baseline main \(runs/baselines/main\)", saved.stderr):
                break
        assert told, saved.stderr
        assert saved.returncode == 0, saved.stderr
        assert int(told[1][0]) + saved.stderr.count("not saved: ") == 2
        assert len(re.findall(r"^ \w+ +(?:PASS|SUSPECT|INVALID) ", saved.stdout, re.MULTILINE)) == 2
        after = loadcore("run", "shop.py", "--baseline", "main", "--json", cwd=tmp_path, environ=environ)
        refused = loadcore("run", "shop.py", "-u", "3", "--baseline", "main", cwd=tmp_path, environ=environ)
    document = json.loads(after.stdout)
    # A busy machine makes the run invalid, and leaves nothing to compare.
    code = 0 if document["comparison"]["after"]["runs"] else 113
    assert (after.returncode, document["exit_code"], document["comparison"]["verdict"]) == (code, code, None)
    assert len(document["comparison"]["before"]["runs"]) == int(told[1][0])
    assert len({run["seed"] for run in document["runs"]}) == 1
    assert refused.returncode == 104
    assert "baseline main cannot be compared with this" in refused.stderr


def test_two_commands_run_by_turns(tmp_path: Path) -> None:
    """Each makes its runs in folders that compare names, whatever it exits with, and both are compared."""
    (tmp_path / "shop.py").write_text(_SCENARIO)
    run = f"{shlex.quote(sys.executable)} -m loadcore run shop.py"
    with small_target() as url:
        environ = {**_ENVIRON, "LOADCORE_BASE_URL": url}
        crossing = f"{run} --threshold 'response.p50 < 1us' --no-strict-client"
        arguments = ("compare", "--a", run, "--b", crossing, "--runs", "1", "--out", "both", "--json")
        made = loadcore(*arguments, cwd=tmp_path, environ=environ)
    document = json.loads(made.stdout)
    assert made.returncode == (0 if document["before"]["runs"] and document["after"]["runs"] else 113), made.stderr
    assert sorted(each.name for each in (tmp_path / "both").iterdir()) == ["a-1", "b-1"]
    assert document["verdict"] is None


def test_the_command_says_slower_and_writes_what_is_asked_for(tmp_path: Path) -> None:
    """Exit code 112, a comment and a page; a place that is not there is refused first."""
    several(tmp_path / "a", [10, 10.1, 10.2, 10.3, 10.4])
    several(tmp_path / "b", [20, 20.1, 20.2, 20.3, 20.4])
    made = loadcore("compare", "a", "b/run-*", "--markdown", "c.md", "--html", "c.html", cwd=tmp_path)
    assert made.returncode == 112
    assert made.stdout.endswith(" exit 112 (regression)\n")
    assert "Slower" in (tmp_path / "c.md").read_text()
    assert "SLOWER" in (tmp_path / "c.html").read_text()
    refused = loadcore("compare", "a", "b", "--html", "no/c.html", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the folder no does not exist" in refused.stderr


def test_commands_that_make_no_run_are_refused(tmp_path: Path) -> None:
    """Each with its side and what it did."""
    for one, told in (
        ("true", "made no run in"),
        ("false", "exited with 1: false"),
        ("nix-da", "could not find the program nix-da"),
    ):
        made = loadcore("compare", "--a", one, "--b", one, "--runs", "1", cwd=tmp_path)
        assert made.returncode in {2, 104}
        assert told in made.stderr
        assert "Traceback" not in made.stderr


def test_sides_that_are_not_there_are_named_at_once(tmp_path: Path) -> None:
    """Both of them, in one error."""
    found = loadcore("compare", "before", "after", cwd=tmp_path)
    assert found.returncode == 104
    assert "the run folder before does not exist; the run folder after does not exist" in found.stderr


def test_neither_side_is_always_first() -> None:
    """A B B A A B, and five of each."""
    order = turns(5, "a")
    assert "".join(turn.side for turn in order) == "abbaabbaab"
    assert [turn.number for turn in order if turn.side == "b"] == [1, 2, 3, 4, 5]
    assert {turns(1)[0].side for _ in range(40)} == {"a", "b"}

"""The command line of a Locust file: what is loadcore's, and what is Locust's."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadcore.cli.locust_arguments import long_options, taken_apart
from loadcore.errors import UsageError
from loadcore.locustfiles.command_line import for_locust, split


@pytest.mark.parametrize(
    ("arguments", "ours", "theirs"),
    [
        (["l.py", "-u", "20", "-r", "10", "-t", "5s"], ["l.py"], ["-u", "20", "-r", "10", "-t", "5s"]),
        (["l.py", "--users", "20", "--host=http://a"], ["--users", "20", "--host=http://a", "l.py"], []),
        (["--quiet", "l.py", "--tags", "a", "b"], ["--quiet", "l.py"], ["--tags", "a", "b"]),
        (["l.py", "--out", "x", "Shopper", "-d", "5"], ["--out", "x", "l.py"], ["Shopper", "-d", "5"]),
        (["l.py", "--", "--env", "staging"], ["l.py"], ["--env", "staging"]),
        (["l.py", "--no-strict-client", "--tags", "x"], ["--no-strict-client", "l.py"], ["--tags", "x"]),
        (["l.py", "--threshold", "errors.rate < 5%"], ["--threshold", "errors.rate < 5%", "l.py"], []),
        (["-f", "l.py", "-u", "2"], ["l.py"], ["-u", "2"]),
        (["-u", "2", "-fl.py"], ["l.py"], ["-u", "2"]),
        (["--locustfile=l.py", "-h"], ["-h", "l.py"], []),
    ],
)
def test_long_options_of_ours_are_taken_first(arguments: list[str], ours: list[str], theirs: list[str]) -> None:
    """Every other word is for Locust's parser; behind `--` all of them are."""
    taken = split(arguments, "l.py", long_options("run"))
    assert (taken.ours, taken.theirs) == (ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "a.py,b.py"], "a.py, b.py: loadcore runs one Locust file at a time"),
        (["a.py,b.py", "-u", "2"], "a.py, b.py: loadcore runs one Locust file at a time"),
        (["a.py", "-f", "b.py"], "a.py, b.py: loadcore runs one Locust file at a time"),
        (["-f", "a.py", "-f", "b.py"], "a.py, b.py: loadcore runs one Locust file at a time"),
        (["--locustfile", "folder"], "-f folder: the Locust file is a folder"),
        (["-fmissing.py"], "-f missing.py: the Locust file cannot be found"),
    ],
)
def test_several_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    """However they are named: none is left out in silence."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("from locust import HttpUser\n")
    with pytest.raises(UsageError) as refused:
        taken_apart(["run", *arguments])
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "arguments", [["a.py"], ["-f", "a.py"], ["-fa.py"], ["--locustfile=a.py"], ["-u", "2", "a.py"]]
)
def test_one_file_may_be_named_as_locust_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """It is the file that runs, and Locust's parser gets the rest."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text("from locust import HttpUser\n")
    ours, of_locust = taken_apart(["run", *arguments])
    assert ours == ["run", "a.py"]
    assert of_locust is not None
    assert (of_locust.path, of_locust.arguments) == (Path("a.py"), ("-u", "2") if "-u" in arguments else ())


def test_settings_are_given_to_locust_in_its_own_words() -> None:
    """Users, target and length become -u, -H and -t; what the user writes himself comes behind them, and wins."""
    given = {"users": "20", "base_url": "http://a", "duration": "30s", "out": "x"}
    assert for_locust(given) == ["-u", "20", "-H", "http://a", "-t", "30s"]


def test_what_a_locust_file_cannot_have_is_refused_at_once() -> None:
    """All of it in one message, with what to use in its place."""
    with pytest.raises(UsageError) as refused:
        for_locust({"rate": "5/s", "iterations": "3", "users": "0:10s,5:10s"})
    assert str(refused.value).splitlines() == [
        "--rate: a Locust file has users, not arrivals",
        "--iterations: the users of a Locust file run until the end",
        '--users "0:10s,5:10s": a Locust file has a number of users; for stages, write a LoadTestShape',
    ]
    assert refused.value.hint == "use -u for users, -r for users started per second, -t for the length"

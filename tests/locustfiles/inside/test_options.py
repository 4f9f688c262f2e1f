"""Locust's options and loadcore's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from locust import argument_parser

from loadcore.cli.locust_arguments import long_options
from loadcore.errors import UsageError
from loadcore.locustfiles.command_line import CLASHES
from loadcore.locustfiles.locust_options import parse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration file but the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_every_long_option_that_both_have_is_listed() -> None:
    """A new one of Locust's or of loadcore's must be given a meaning."""
    parser = argument_parser.get_parser()
    theirs = {name for action in parser._actions for name in action.option_strings if name.startswith("--")}
    ours = long_options("run")
    assert (ours.with_value | ours.flags) & theirs == set(CLASHES) - {"--version"}


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["-t", "90"], "run_time", 90),
        (["-t", "1h30m"], "run_time", 5400),
        (["-u", "7"], "num_users", 7),
        ([], "num_users", None),
        (["-r", "0.5"], "spawn_rate", 0.5),
        (["-H", "http://a"], "host", "http://a"),
        (["-T", "x", "y"], "tags", ["x", "y"]),
        (["-s", "5"], "stop_timeout", 5),
    ],
)
def test_locusts_letters_mean_what_locust_means(arguments: list[str], name: str, value: Any) -> None:
    """Bare seconds are seconds."""
    assert getattr(parse("l.py", arguments), name) == value


def test_files_and_variables_of_locust_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`[tool.locust]`, `locust.conf`, `LOCUST_…`: each stronger than the one before."""
    (tmp_path / "pyproject.toml").write_text('[tool.locust]\nusers = 3\nrun-time = "10s"\nspawn-rate = 2\n')
    assert parse("l.py", []).num_users == 3
    monkeypatch.setenv("LOCUST_USERS", "5")
    options = parse("l.py", ["-r", "4"])
    assert (options.num_users, options.run_time, options.spawn_rate) == (5, 10, 4)


def test_what_a_run_of_loadcore_does_not_have_is_one_message() -> None:
    """All of it, with what to use in its place."""
    with pytest.raises(UsageError) as refused:
        parse("l.py", ["--web-port", "9000", "--master", "--master-bind-port", "7", "--list"])
    assert str(refused.value).splitlines() == [
        "--web-port: loadcore runs Locust files without Locust's web interface",
        "--master, --master-bind-port: loadcore starts its processes itself: use --workers",
        "--list: loadcore check lists classes, weights and tasks",
    ]


def test_settings_of_the_web_interface_in_files_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are for all runs of a project, a run without the interface starts as `--headless` does."""
    (tmp_path / "locust.conf").write_text("web-port = 9000\n")
    (tmp_path / "pyproject.toml").write_text("[tool.locust]\nweb-base-path = '/load'\n")
    monkeypatch.setenv("LOCUST_WEB_HOST", "0.0.0.0")
    assert parse("l.py", []).headless
    monkeypatch.setenv("LOCUST_MODE_MASTER", "true")
    with pytest.raises(UsageError, match=r"^--master: "):
        parse("l.py", [])


def test_headless_runs_are_what_all_runs_are() -> None:
    """Options that say so are taken."""
    assert parse("l.py", ["--headless", "--only-summary", "--autostart"]).headless


def test_an_unknown_option_is_said_in_locusts_words() -> None:
    """With the hint that loadcore's letters are not taken."""
    with pytest.raises(UsageError, match="unrecognized arguments: -q") as refused:
        parse("l.py", ["-q"])
    assert refused.value.hint is not None
    assert "--quiet, not -q" in refused.value.hint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--csv-full-history"], "--csv-full-history: it needs Locust's --csv: write -- --csv NAME --csv-full-history"),
        (["--processes", "-3"], "--processes -3: expected a number of processes, or -1 for one per core"),
    ],
)
def test_what_locust_refuses_is_refused(arguments: list[str], message: str) -> None:
    """Also what its parser takes, and only its start does not."""
    with pytest.raises(UsageError) as refused:
        parse("l.py", arguments)
    assert str(refused.value) == message


def test_listeners_of_init_see_what_was_not_given() -> None:
    """As with Locust, which takes one user and one per second only as users start."""
    options = parse("l.py", [])
    assert (options.num_users, options.spawn_rate) == (None, None)

"""The command line of a Locust file: what is loadcore's, and what is Locust's."""

from __future__ import annotations

import pytest

from loadcore.cli.locust_arguments import long_options
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
    ],
)
def test_long_options_of_ours_are_taken_first(arguments: list[str], ours: list[str], theirs: list[str]) -> None:
    """Every other word is for Locust's parser; behind `--` all of them are."""
    taken = split(arguments, "l.py", long_options("run"))
    assert (taken.ours, taken.theirs) == (ours, theirs)


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

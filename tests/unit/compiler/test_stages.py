"""Users as they are written when a run is started."""

from __future__ import annotations

import pytest

from loadcore.compiler.stages import Stage, parse_users

SECOND = 1_000_000_000


def test_a_number_is_a_constant_load() -> None:
    """Without a colon it is how many users there are."""
    assert parse_users("50") == 50


def test_stages_are_points_of_a_line() -> None:
    """Each point says from how many users, and how long until the next."""
    assert parse_users("0:10s, 1000:1m20s") == (Stage(0, 10 * SECOND), Stage(1000, 80 * SECOND))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", '"0" is not a number of users'),
        ("many", '"many" is not a number of users: write "50", or stages as "0:10s,1000:20s"'),
        ("0:10s,1000", '"1000" in "0:10s,1000" has no duration'),
        ("x:10s", '"x" in "x:10s" is not a number of users'),
        ("5:10", '10 has no unit: write "10s"'),
        ("0:10s,0:20s", "never has any users"),
        ("-5", '"-5" is not a number of users'),
    ],
)
def test_what_is_neither_says_what_to_write(text: str, message: str) -> None:
    """Every mistake is answered with the right way to write it."""
    with pytest.raises(ValueError, match=r".") as caught:
        parse_users(text)
    assert message in str(caught.value)

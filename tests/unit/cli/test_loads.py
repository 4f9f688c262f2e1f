"""The load that the command line makes of a scenario's."""

from __future__ import annotations

import pytest

from loadcore.cli.loads import Wish, load_for
from loadcore.cli.stages import checked_users
from loadcore.errors import ExitCode, UsageError
from loadcore.load_models import Load, arrival_rate, arrival_stages, iterations, user_stages, users

CLOSED = users(20, duration="30s")
OPEN = arrival_rate("10/s", duration="30s", max_users=7, arrivals="poisson")
FIXED = iterations(total=100, users=5)
EACH = iterations(each=3, users=5)
RAMP = user_stages((100, "10s"))


@pytest.mark.parametrize(
    ("load", "wish", "expected"),
    [
        (CLOSED, Wish(), CLOSED),
        (CLOSED, Wish(users=50), users(50, duration="30s")),
        (CLOSED, Wish(duration="1m"), users(20, duration="1m")),
        (CLOSED, Wish(rate="400/s"), arrival_rate("400/s", duration="30s")),
        (CLOSED, Wish(rate="400/s", max_users=9, duration="5s"), arrival_rate("400/s", duration="5s", max_users=9)),
        (CLOSED, Wish(iterations=8), iterations(total=8, users=20)),
        (OPEN, Wish(rate="20/s"), arrival_rate("20/s", duration="30s", max_users=7, arrivals="poisson")),
        (OPEN, Wish(users=50), users(50, duration="30s")),
        (OPEN, Wish(max_users=99), arrival_rate("10/s", duration="30s", max_users=99, arrivals="poisson")),
        (FIXED, Wish(iterations=8, users=2), iterations(total=8, users=2)),
        (FIXED, Wish(users=2), iterations(total=100, users=2)),
        (FIXED, Wish(duration="1m"), iterations(total=100, users=5, max_duration="1m")),
        (EACH, Wish(iterations=8), iterations(each=8, users=5)),
        (RAMP, Wish(users=50, duration="5s"), users(50, duration="5s")),
        (arrival_stages(("9/s", "1s")), Wish(max_users=3), arrival_stages(("9/s", "1s"), max_users=3)),
    ],
)
def test_a_wish_changes_what_it_names(load: Load, wish: Wish, expected: Load) -> None:
    """Everything else stays as the scenario says."""
    assert load_for(load, wish) == expected


def test_stages_become_lines_between_their_points() -> None:
    """0:10s,1000:20s ramps up for ten seconds and holds for twenty."""
    points = checked_users("0:10s,1000:20s")
    assert not isinstance(points, int)
    assert load_for(CLOSED, Wish(users=points)) == user_stages((1000, "10s"), (1000, "20s"))


@pytest.mark.parametrize(
    ("load", "wish", "message"),
    [
        (CLOSED, Wish(users=1, rate="1/s"), "--users and --rate exclude each other"),
        (CLOSED, Wish(users=((0, 1),), duration="1s"), "--duration and stages of --users exclude each other"),  # type: ignore[arg-type]
        (CLOSED, Wish(rate="1/s", iterations=1), "--iterations goes with a number of users only"),
        (CLOSED, Wish(max_users=1), "--max-users goes with a rate only"),
        (CLOSED, Wish(users=1, max_users=1), "--max-users goes with a rate only"),
        (RAMP, Wish(duration="1m"), "--duration cannot change a load of stages"),
        (RAMP, Wish(users=5), "the scenario's load does not say for how long"),
        (FIXED, Wish(rate="5/s"), "the scenario's load does not say for how long"),
    ],
)
def test_what_makes_no_sense_is_refused_as_a_bad_argument(load: Load, wish: Wish, message: str) -> None:
    """The message names the options, and the exit code is that of bad arguments."""
    with pytest.raises(UsageError) as caught:
        load_for(load, wish)
    assert str(caught.value) == message
    assert caught.value.hint
    assert caught.value.exit_code == ExitCode.USAGE

"""Users in Python: the rate that script lag is measured at."""

from dataclasses import replace

from benches.cpu_per_request import Run
from benches.scripted import GETS, reached_per_s

FULL = Run("nullsrv", 64, GETS, 0, short=False, seconds=2.0, requests=200_000, cpu_s=2.4, wall_s=2.6,
           server_cpu_s=1.0, foreign_cores=0.0, max_rss_bytes=2**20)  # fmt: skip


def test_the_rate_that_users_reached_is_that_of_full_runs() -> None:
    """Short runs, which are there to find what a start costs, and the time of the start itself do not lower it."""
    short = replace(FULL, short=True, seconds=0.1, requests=9_000, wall_s=0.7)
    other = replace(FULL, client="wrk", requests=900_000)
    assert reached_per_s([short, short, FULL, other]) == 100_000
    assert reached_per_s([short, other]) is None

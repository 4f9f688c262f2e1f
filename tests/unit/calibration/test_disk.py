"""What a run will take on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadcore import Scenario, arrival_rate, get, think, users
from loadcore.calibration.disk import disk_of
from loadcore.compiler import Options, compile_run

if TYPE_CHECKING:
    from loadcore.scenario.load_models import Load
    from loadcore.scenario.step import Step


def takes(load: Load, *steps: Step, workers: int = 1) -> int | None:
    """Of one scenario."""
    scenario = Scenario("shop", base_url="http://127.0.0.1:1", load=load, steps=[get("/"), *steps])
    plan, _ = compile_run([scenario], Options(), (), ())
    return disk_of(plan, workers)


def test_an_arrival_rate_is_rows_and_windows() -> None:
    """1,000 requests a second for a minute: 24 bytes each, and 3 kB a second in each worker."""
    assert takes(arrival_rate("1000/s", duration="60s")) == 60 * (1000 * 24 + 3_000)
    assert takes(arrival_rate("1000/s", duration="60s"), workers=4) == 60 * (1000 * 24 + 4 * 3_000)


def test_users_that_pause_are_as_fast_as_their_pauses() -> None:
    """50 users that think for 100 ms make 500 requests a second of a target that answers at once."""
    assert takes(users(50, duration="10s"), think("100ms")) == 10 * (500 * 24 + 3_000)


@pytest.mark.parametrize("load", [users(5, duration="10s")])
def test_of_users_that_do_not_pause_it_is_not_known(load: Load) -> None:
    """They send as fast as the target answers."""
    assert takes(load) is None

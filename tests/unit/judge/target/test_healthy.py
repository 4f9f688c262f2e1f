"""A target that does what it is asked for is blamed for nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from loadcore.judge.target.facts import Facts, Hint, Network, Process, Step
from loadcore.judge.target.times import Times
from tests.unit.judge.target.figures import MS, rules, second, spread, steady

_EXPONENTIAL = Times.of(*(Random(7).expovariate(1 / (10 * MS)) for _ in range(500)))


@pytest.mark.parametrize(
    "facts",
    [
        steady(spread(5, 5.6, 300)),
        steady(spread(5, 5.6, 100), is_open=True),
        steady(_EXPONENTIAL),
        steady(_EXPONENTIAL, is_open=True),
        steady(spread(299, 303, 10)),
        steady(spread(299, 303, 20), is_open=True),
        Facts(),
        steady(Times()),
    ],
    ids=["quiet closed", "quiet open", "A/A closed", "A/A open", "few closed", "few open", "nothing", "no answers"],
)
def test_healthy_targets(facts: Facts) -> None:
    """Quiet, exponential and slow targets with few users, closed and open."""
    assert rules(facts) == []


def test_short_bursts_of_noise() -> None:
    """Two seconds of eight in which answers take five times as long, made up for at once."""
    calm, noisy = spread(5, 15, 200), spread(20, 90, 190)
    seconds = [
        second(number, noisy if number in {2, 5} else calm, due=200, ended=190 if number in {2, 5} else 203)
        for number in range(8)
    ]

    assert rules(replace(steady(calm, is_open=True), seconds=seconds)) == []


def test_users_in_step_leave_gaps_as_long_as_an_answer_takes() -> None:
    """Twenty users of a target that takes 300 ms, all started at once: no answer for 300 ms at a time."""
    gaps = [(number * 300 * MS, (number + 1) * 300 * MS) for number in range(20)]

    assert rules(steady(spread(299, 303, 66), gaps=[gaps])) == []


def test_a_busy_target_that_keeps_up() -> None:
    """95 % of a core, and everything that is due is answered."""
    seconds = [
        second(number, spread(5, 9, 100), due=100, process=Process(processes=1, cores=0.95, busiest=0.95, thread=0.95))
        for number in range(8)
    ]

    assert rules(Facts(seconds=seconds, is_open=True, sight="processes")) == []


def test_hints_of_a_fast_healthy_target() -> None:
    """`Server-Timing` names a database that takes 4 of 5 ms: nothing is wrong with that."""
    hint = Hint(name="Server-Timing db", count=40, mean_ns=4 * MS, ttfb_ns=5 * MS)
    step = Step(name="GET /", answered=800, service_ns=5 * MS, ttfb_ns=5 * MS, hints=[hint])

    assert rules(steady(spread(5, 5.6, 100), steps=[step])) == []


def test_large_bodies_and_slow_connects_by_themselves() -> None:
    """100 MB in a second, a connect that took 700 ms, a few segments lost."""
    step = Step(name="GET /", answered=40, service_ns=1000 * MS, ttfb_ns=3 * MS, bytes_received=1e8)
    facts = steady(
        spread(900, 1100, 10),
        steps=[step],
        connects=Times.of(*[0.1 * MS] * 400, 700 * MS, 800 * MS, 1_050 * MS),
        network=Network(rtt_ns=50_000, segments=100_000, resent=12),
        outcomes=Counter(connect_timeout=1),
    )

    assert rules(facts) == []

"""The client's own delay, judged by what it did to the times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadcore.judge import lag
from loadcore.judge.lag import Delayed

MS = 1_000_000


def delayed(response_ms: tuple[float, ...], without_ms: tuple[float, ...], requests: int = 4000) -> Delayed:
    """All requests of a run, by their p50, p95 and p99."""
    response, without = (tuple(round(each * MS) for each in times) for times in (response_ms, without_ms))
    return Delayed(None, None, requests, response, without)


def of_step(name: str, response_ms: tuple[float, ...], without_ms: tuple[float, ...]) -> Delayed:
    """The requests of one step."""
    return replace(delayed(response_ms, without_ms, 900), scenario="shop", step=name)


@pytest.mark.parametrize(
    ("response_ms", "without_ms", "severity"),
    [
        # 500/s, exponential 10 ms: healthy, with 47 to 80 of 4,000 requests more than 1 ms late.
        ((7.37, 29.8, 43.28), (7.25, 29.5, 43.15), None),
        ((7.63, 30.3, 47.23), (7.48, 29.9, 47.13), None),
        # The same beside other programs: the servers' logs have p50 at 7.40 and 7.32 ms.
        ((8.303, 28.50, 40.38), (7.403, 28.05, 40.16), "invalid"),
        ((8.167, 31.20, 47.33), (7.315, 30.21, 47.04), "invalid"),
        # A target that stalls for 1 s in 5.
        ((11.0, 808.0, 970.7), (10.9, 807.0, 970.5), None),
        # A constant 5 ms at 300/s beside other programs.
        ((5.31, 5.62, 6.10), (5.15, 5.30, 5.80), "suspect"),
        ((5.30, 6.00, 6.60), (5.15, 5.20, 5.60), "invalid"),
        # 291 of 10,000 requests late, in seconds that did not follow one another.
        ((5.40, 9.80, 45.3), (5.38, 9.75, 18.5), "invalid"),
        # Closed loops of 20 users, 5 ms: a quota, stopped half of the time, two programs that want a core each.
        ((5.907, 7.787, 85.69), (5.55, 5.90, 7.28), "invalid"),
        ((5.859, 54.66, 55.87), (5.53, 5.73, 5.90), "invalid"),
        ((5.791, 9.135, 11.89), (5.60, 5.86, 6.03), "invalid"),
        ((9.983, 21.39, 34.08), (5.50, 5.95, 6.01), "invalid"),
        # 3 users of 300 ms, 20 users who think and 10 ms.
        ((300.5, 301.6, 304.4), (300.4, 300.9, 301.2), None),
        ((7.883, 31.77, 45.50), (7.75, 31.7, 45.4), None),
        # A client that was stopped once for 1.5 s, and 500 users who start together.
        ((20.9, 44.3, 1520.0), (20.2, 21.0, 24.0), "invalid"),
        ((9.6, 30.4, 185.0), (9.3, 12.0, 31.0), "invalid"),
    ],
)
def test_a_client_is_judged_by_the_times_it_changed(
    response_ms: tuple[float, ...], without_ms: tuple[float, ...], severity: str | None
) -> None:
    """From 3 % on a run is suspect, from 10 % on it does not measure its target."""
    found = lag.findings([delayed(response_ms, without_ms)])

    assert [finding.severity for finding in found] == ([severity] if severity else [])


def test_the_message_has_the_time_without_the_delay() -> None:
    """What was measured, what the client added, and what is left."""
    (found,) = lag.findings([delayed((5.40, 9.80, 45.3), (5.38, 9.75, 18.5))])

    assert found.message == "p99 45.3 ms, of which the client added up to 26.8 ms: without its own delay 18.5 ms"
    assert (found.subject, found.rule, found.limit) == ("client", "lag", 0.10)
    assert found.value == pytest.approx((26.8 - 0.1) / 18.5)
    assert found.text.startswith("the client was the bottleneck: p99")


def test_a_doubt_does_not_call_the_client_the_limit() -> None:
    """A percentile that is 5 % too high heads the report, and no more."""
    (found,) = lag.findings([delayed((10, 20, 31.6), (10, 20, 30))])

    assert (found.severity, found.limit, found.text) == ("suspect", 0.03, found.message)


@pytest.mark.parametrize(("requests", "found"), [(49, None), (50, "p95"), (99, "p95"), (100, "p99")])
def test_a_percentile_is_judged_by_enough_requests(requests: int, found: str | None) -> None:
    """One request at least lies above it: a single slow one of fifty is their p99, and decides nothing."""
    named = [each.message.split()[0] for each in lag.findings([delayed((15, 20, 40), (10, 10, 10), requests)])]

    assert named == ([found] if found else [])


@pytest.mark.parametrize(
    ("response_us", "without_us", "severity"),
    [
        (105, 100, None),
        (200, 100, None),
        (203, 100, "suspect"),
        (210, 100, "suspect"),
        (590, 100, "suspect"),
        (610, 100, "invalid"),
        (1130, 1000, "suspect"),
        (1550, 1000, "invalid"),
        (5_620, 5_000, "invalid"),
    ],
)
def test_what_any_thread_needs_to_wake_up_is_not_held_against_the_client(
    response_us: int, without_us: int, severity: str | None
) -> None:
    """The first 0.1 ms of a delay count for nothing, and less than half a millisecond never makes a run invalid."""
    times = ((response_us / 1000,) * 3, (without_us / 1000,) * 3)
    found = lag.findings([delayed(*times)])

    assert [finding.severity for finding in found] == ([severity] if severity else [])


def test_steps_are_judged_one_by_one_and_told_once() -> None:
    """A quick step whose times are wrong is named, although all steps together hide it."""
    whole = delayed((10, 30, 40), (10, 29.9, 39.9))
    quick = of_step("GET /items", (2, 3, 8), (2, 2, 4))
    same = of_step("GET /other", (2, 2, 8), (2, 2, 5))
    slow = of_step("POST /orders", (10, 10, 10), (10, 10, 10))
    (found,) = lag.findings([whole, quick, same, slow])

    assert (found.scenario, found.step) == ("shop", "GET /items")
    assert found.message.startswith("GET /items: p99 8.00 ms, of which the client added up to 4.00 ms")
    assert found.message.endswith("(1 other step is off as much)")


def test_nothing_measured_is_nothing_found() -> None:
    """A run without requests is not judged."""
    assert lag.findings([]) == []
    assert lag.findings([delayed((0, 0, 0), (0, 0, 0), 0)]) == []


@pytest.mark.parametrize(("unpaced", "severities"), [(True, ["note"]), (False, [])])
def test_users_without_pauses_are_told_a_small_delay(unpaced: bool, severities: list[str]) -> None:
    """They go as fast as the client lets them, so its part of their times is a note from 1 % on, and spoils nothing."""
    small = delayed((3.2, 3.96, 6.0), (3.19, 3.77, 5.9))

    assert [each.severity for each in lag.findings([small], unpaced=unpaced)] == severities

"""Each thing that limits a target is named, with its figure, its seconds and a remedy."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loadcore.judge.target import find
from loadcore.judge.target.facts import Facts, Hint, Network, Process, Second, Step
from loadcore.judge.target.stalls import together
from loadcore.judge.target.times import Times
from tests.unit.judge.target.figures import MS, rules, second, spread, steady

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding


def only(facts: Facts) -> Finding:
    """The one thing that is named."""
    (found,) = find(facts)
    assert (found.subject, found.severity) == ("target", "note")
    assert found.advice
    return found


def growing_queue() -> list[Second]:
    """Ten requests of 100 ms at once, asked for 150 a second: each second the queue takes 0.34 s longer."""
    alone = ((100 * MS, 10),)
    first = Times((*alone, *spread(102, 400, 78).counted))
    rest = (spread(60 + 340 * number, 400 + 340 * number, 98) for number in range(1, 8))
    return [second(number, times, due=150, ended=times.count) for number, times in enumerate((first, *rest))]


def test_a_limit_of_concurrency_open() -> None:
    """The rate is flat while more and more are in flight."""
    found = only(Facts(seconds=growing_queue(), is_open=True, sight="processes"))

    assert found.rule == "concurrency"
    assert found.value == pytest.approx(10, rel=0.15)
    assert "at most ~10 requests at once (98/s x " in found.message
    assert "asked 150/s" in found.message


def test_a_limit_of_concurrency_closed() -> None:
    """Fifty users at once: the first ten do not wait, and all others wait 500 ms every time."""
    first = Times((*((batch * 100 * MS, 10) for batch in (1, 2, 3, 4)), (500 * MS, 58)))
    seconds = [second(0, first), *(second(number, spread(498, 512, 98)) for number in range(1, 8))]
    found = only(Facts(seconds=seconds, sight="processes"))

    assert found.value == pytest.approx(10, rel=0.15)
    assert "were in flight" in found.message


def slow_phase() -> list[Second]:
    """As recorded: 600/s, 240 at once, 200 ms, but 600 ms from 1.0 to 2.5 s, and again from 5.0 to 6.5 s."""
    caught_up, drained = spread(585, 1279, 840), Times((*spread(181, 255, 423).counted, *spread(256, 642, 422).counted))
    began = Times((*spread(180, 217, 150).counted, *spread(541, 660, 205).counted))
    full = Times((*spread(617, 658, 8).counted, *spread(740, 1060, 356).counted))
    times = [spread(180, 220, 478), began, full, caught_up, drained, began, full, caught_up]
    return [second(number, each, due=600) for number, each in enumerate(times)]


def test_a_limit_that_is_met_while_the_target_is_slow() -> None:
    """Two seconds behind, in the second of which all were slow and many had waited, and then the rest at once."""
    found = only(Facts(seconds=slow_phase(), is_open=True, sight="processes"))

    assert found.value == pytest.approx(240, rel=0.15)
    assert found.message.endswith(" while it was slow; asked 600/s")
    assert (found.first_s, found.last_s) == (5, 6)


def test_a_slow_phase_alone_is_no_limit() -> None:
    """Everything takes 1.2 s for a while, and none waits for another; or the client itself stopped."""
    slow = spread(1_080, 1_320, 120)
    times = [spread(4, 6, 400), spread(4, 6, 200), slow, spread(1_080, 1_320, 520), *[spread(4, 6, 400)] * 3]
    seconds = [second(number, each, due=400) for number, each in enumerate(times)]

    assert rules(Facts(seconds=seconds, is_open=True, sight="processes")) == []
    stood = [replace(each, client_stalled_ns=300 * MS) for each in slow_phase()]
    assert rules(Facts(seconds=stood, is_open=True, sight="processes")) == []


def test_one_at_a_time_without_a_number_of_workers() -> None:
    """A leaky bucket of 100 a second that takes 1 ms: no number of requests at once would explain it."""
    seconds = [
        second(number, spread(1 + 500 * number, 500 + 500 * number, 100), due=150, ended=100) for number in range(6)
    ]
    found = only(Facts(seconds=seconds, is_open=True, sight="processes"))

    assert "no more than 100/s, however many requests wait" in found.message


@pytest.mark.parametrize("is_open", [False, True])
def test_a_full_core(is_open: bool) -> None:
    """One process at 98 % of a core; the finding says what it cannot do, and not that the queue is long."""
    process = Process(program="uvicorn", processes=1, cores=0.98, busiest=0.98, thread=0.98, allowed=2.0)
    seconds = [replace(each, answered=191, process=process) for each in growing_queue()]
    found = only(Facts(seconds=seconds, is_open=is_open, sight="processes"))

    assert found.message == (
        "the target's process (uvicorn, 1 process) used 98% of a core for 8 s: it cannot do more than 191/s"
    )
    assert (found.first_s, found.last_s) == (0, 7)
    assert "more worker processes" in found.advice


@pytest.mark.parametrize(
    ("process", "expected"),
    [
        (Process(program="gateway", processes=1, cores=3.9, busiest=3.9, allowed=4.0, thread=0.5), "3.9 of 4 cores"),
        (Process(program="nginx", processes=3, cores=1.2, busiest=0.6, thread=0.6, thread_waited=0.38), "98% busy"),
        (
            Process(program="python app.py", processes=2, cores=1.0, busiest=0.97, thread=0.4, allowed=4),
            "97% of a core",
        ),
        (Process(cores=0.5, allowed=8, throttled=0.4), "quota stopped it for 40% of the time"),
        (Process(cores=7.8, allowed=8), "the target used 7.8 of 8 cores, 98% for 5 s"),
        (
            Process(program="web.service", cores=0.5, allowed=0.5, throttled=0.004),
            "(web.service) used 0.5 of 0.5 cores",
        ),
    ],
)
def test_other_ways_to_be_full(process: Process, expected: str) -> None:
    """All cores; a core and the wait for it; an interpreter's lock; a quota; and by metrics alone."""
    seconds = [second(number, spread(5, 9, 100), process=process) for number in range(5)]

    assert expected in only(Facts(seconds=seconds, sight="processes")).message


def test_a_target_that_waits_for_cores_is_to_have_some() -> None:
    """More workers would wait as well."""
    process = Process(program="uvicorn", processes=1, cores=0.3, busiest=0.3, thread=0.3, thread_waited=0.68)
    found = only(Facts(seconds=[second(number, spread(5, 9, 100), process=process) for number in range(5)]))

    assert "used 30% of a core and waited for one 68% of the time, 98% busy" in found.message
    assert found.advice.startswith("leave it cores")


def test_a_rate_limit() -> None:
    """What was let through per second, and what the answers say about it."""
    seconds = [
        second(number, spread(1, 6, 200), statuses={200: 101 if number else 111, 429: 99}) for number in range(8)
    ]
    heads = {429: {"retry-after": "1", "ratelimit-limit": "100"}}
    facts = Facts(seconds=seconds, statuses=Counter({200: 818, 429: 782}), heads=heads, is_open=True)
    found = only(facts)

    assert (found.rule, found.value) == ("rate_limit", 101)
    assert (
        "let 101/s through and answered 782 of 1,600 requests with 429 (Retry-After 1 s, ratelimit-limit 100)"
        in found.message
    )
    assert "Retry-After (1 s)" in found.advice


def test_a_breaker() -> None:
    """A 503 at once does not come from a queue."""
    seconds = [second(number, spread(1, 60, 100), statuses={200: 40, 503: 60}) for number in range(6)]
    facts = Facts(
        seconds=seconds,
        statuses=Counter({200: 240, 503: 360}),
        service=Times.of(*[1 * MS] * 360, *[60 * MS] * 240),
        error_times={503: Times.of(*[1 * MS] * 360)},
        heads={503: {"retry-after": "5"}},
    )

    assert only(facts).message == (
        "503 after 1.0 ms (Retry-After 5 s) to 360 of 600 requests: the target sheds load or has an open circuit "
        "breaker, and let 40/s through"
    )


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("answered", "said"),
    [([0] * 6, ("all 600", None)), ([0, 1, 0, 0, 0, 0], ("599 of 600", "let next to nothing through"))],
)
def test_a_target_that_refuses_everything(status: int, answered: list[int], said: tuple[str, str | None]) -> None:
    """How many requests were refused, of how many: a rate of 0.0/s would say that none were answered."""
    seconds = [
        second(number, spread(1, 2, 100), statuses={200: passed, status: 100 - passed})
        for number, passed in enumerate(answered)
    ]
    passed = sum(answered)
    facts = Facts(
        seconds=seconds,
        statuses=+Counter({200: passed, status: 600 - passed}),
        error_times={status: Times.of(*[1 * MS] * (600 - passed))},
    )
    found = only(facts)

    assert f"{said[0]} requests" in found.message
    assert said[1] is None or said[1] in found.message
    assert "0.0/s" not in found.message + found.advice


def test_a_queue_that_gives_up() -> None:
    """503, always after 500 ms."""
    facts = steady(
        spread(100, 600, 100),
        statuses=Counter({200: 400, 503: 380}),
        error_times={503: spread(500, 508, 380)},
        is_wrong=True,
        sight="processes",
    )

    assert "503 after 504 ms, 380 times: a queue in the target gives up" in only(facts).message


def test_faults_that_take_as_long_as_answers_are_no_queue() -> None:
    """500 in the time that every answer takes."""
    facts = steady(
        spread(100, 110, 100),
        statuses=Counter({200: 400, 500: 380}),
        error_times={500: spread(100, 110, 380)},
        is_wrong=True,
        sight="processes",
    )

    assert rules(facts) == []


@pytest.mark.parametrize(("status", "expected"), [(504, "504 after 1.0 s"), (502, "502 after 2.0 ms")])
def test_a_proxy_in_front(status: int, expected: str) -> None:
    """It says itself that it has no answer from behind."""
    times = Times.of(*[1_001 * MS if status == 504 else 2 * MS] * 40)

    assert expected in only(Facts(statuses=Counter({status: 40}), error_times={status: times})).message


@pytest.mark.parametrize("drops", [0, 120])
def test_a_full_accept_queue(drops: int) -> None:
    """Connects on the grid of SYNs that are sent again."""
    connects = Times.of(*[0.1 * MS] * 200, *[1_020 * MS] * 20, *[3_060 * MS] * 5)
    process = Process(accept_drops=drops, accept_waiting=2, accept_limit=1)
    facts = steady(spread(5, 9, 30), connects=connects, outcomes=Counter(connect_timeout=34), is_here=bool(drops))
    found = only(replace(facts, seconds=[replace(facts.seconds[0], process=process), *facts.seconds[1:]]))

    assert found.message.startswith("25 of 225 connects took 1.0 s, 3.0 s and 34 timed out: SYNs were dropped")
    assert "accept queue is full" in found.message
    assert ("120 dropped by this machine" in found.message) == bool(drops)


def test_slow_connects_off_the_grid_are_no_accept_queue() -> None:
    """A target far away, or one that takes its time."""
    assert rules(steady(spread(5, 9, 30), connects=spread(400, 2_700, 200))) == []


def test_stalls() -> None:
    """When, how often and for how long no request was answered; the workers have to agree."""
    gaps = [(4_000 * MS, 5_003 * MS), (9_001 * MS, 10_000 * MS)]
    found = only(steady(spread(5, 6, 200), seconds=12, gaps=[gaps, gaps]))

    assert found.message == "no responses at all for up to 1.0 s, 2 times, at 0:04, 0:09"
    assert (found.first_s, found.last_s) == (4, 10)
    assert found.value == pytest.approx(1.0, rel=0.01)
    assert rules(steady(spread(5, 6, 200), seconds=12, gaps=[gaps, []])) == []


def test_a_client_that_stood_still_is_no_stall_of_the_target() -> None:
    """The client's own lateness explains the gap."""
    facts = steady(spread(5, 6, 200), gaps=[[(4_000 * MS, 5_500 * MS)]])
    seconds = [replace(each, client_stalled_ns=1_480 * MS if each.second == 5 else 0) for each in facts.seconds]

    assert rules(facts) == ["stalls"]
    assert rules(replace(facts, seconds=seconds)) == []


def test_gaps_of_all_workers() -> None:
    """Only what all of them have in common counts."""
    assert together([[(0, 10), (20, 30)], [(5, 25)], [(6, 22)]]) == [(6, 10), (20, 22)]
    assert together([]) == []


def test_an_upstream() -> None:
    """The largest part that the responses name, of the time to the first byte; the whole is not a part."""
    hints = [
        Hint(name="Server-Timing total", count=9, mean_ns=299 * MS, ttfb_ns=300 * MS),
        Hint(name="Server-Timing db", count=9, mean_ns=290 * MS, ttfb_ns=300 * MS),
        Hint(name="Server-Timing auth", count=9, mean_ns=3 * MS, ttfb_ns=300 * MS),
    ]
    step = Step(name="GET /", answered=500, service_ns=300 * MS, ttfb_ns=300 * MS, hints=hints)
    found = only(steady(spread(299, 303, 60), steps=[step]))

    assert found.message == "GET / waits for an upstream: Server-Timing db says 290 ms of 300 ms"


def test_bodies() -> None:
    """A body long after its first byte, and a request that takes long to be taken."""
    writer = Step(name="GET /", answered=80, service_ns=575 * MS, ttfb_ns=160_000, bytes_received=17_000)
    reader = Step(name="POST /", answered=80, service_ns=600 * MS, ttfb_ns=600 * MS, bytes_sent=1_000_000)
    slow = spread(560, 590, 10)

    assert "the body takes 575 ms after the first byte (0.16 ms), 30 kB/s" in only(steady(slow, steps=[writer])).message
    found = only(steady(slow, steps=[reader], sending=spread(470, 490, 80)))
    assert "the target takes 480 ms to read the request body, 2.1 MB/s" in found.message
    blocked = only(steady(slow, steps=[reader], network=Network(blocked_ratio=0.8)))
    assert blocked.rule == "slow_reader"
    assert rules(steady(slow, steps=[replace(writer, whole=0.5)])) == [], "what was not answered has no body"


def test_descriptors() -> None:
    """Where they can be counted; else by who is not answered."""
    process = Process(program="nginx", processes=1, open_fds=256, fd_limit=256)
    seconds = [second(number, spread(5, 9, 30), process=process) for number in range(4)]
    lost = Counter(timeout_headers=60)

    seen = only(Facts(seconds=seconds, outcomes=lost, lost_on_new=60, reused=900, sight="processes"))
    assert "(nginx) had 256 of 256 file descriptors open for 4 s" in seen.message
    by_effect = only(Facts(outcomes=lost, lost_on_new=60, reused=900))
    assert "only new connections got no response (60 requests)" in by_effect.message
    assert rules(Facts(outcomes=lost, lost_on_new=20, reused=900)) == []
    assert rules(Facts(outcomes=lost, lost_on_new=60, reused=0)) == [], "a target that answers no request is down"


def test_the_network() -> None:
    """Segments that were sent again, and a distance that is most of the time."""
    step = Step(name="GET /", answered=500, service_ns=52 * MS, ttfb_ns=52 * MS)

    loss = only(steady(spread(5, 9, 30), network=Network(segments=10_000, resent=180)))
    assert "1.8% of the segments were sent again (180)" in loss.message
    far = only(steady(spread(50, 55, 30), steps=[step], network=Network(rtt_ns=48 * MS)))
    assert "round trip is 48.0 ms of 52.0 ms" in far.message


def test_what_cannot_be_seen_is_said_if_something_is_wrong() -> None:
    """And how it could be; not where the target said itself what limits it."""
    facts = steady(spread(5, 9, 30), is_wrong=True, is_slow=True)

    assert "not visible: it runs elsewhere" in only(facts).message
    assert "`--target-metrics URL`" in only(facts).advice
    assert rules(replace(facts, is_slow=False)) == [], "errors are not explained by a CPU"
    assert rules(replace(facts, seconds=facts.seconds[:2])) == []
    limited = replace(facts, statuses=Counter({200: 100, 429: 100}))
    assert rules(limited) == ["rate_limit"]

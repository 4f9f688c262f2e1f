"""The laws do what they say: computed, without a server."""

from __future__ import annotations

from random import Random

import pytest

from tests.verdict import laws
from tests.verdict.laws import MS, Answer, Busy, Delay, Law, Phases, RateLimit, S, Slots, Stalls


def _answers(law: Law, per_s: int, seconds: float = 10) -> list[tuple[int, Answer]]:
    """Arrivals at an even rate, and the answers."""
    random = Random(1)
    times = [number * S // per_s for number in range(round(per_s * seconds))]
    return [(now_ns, law.answer(now_ns, random)) for now_ns in times]


def test_slots_serve_no_more_than_they_can() -> None:
    """Ten of 100 ms are 100 a second, whatever is asked; what is asked too much waits longer and longer."""
    answers = _answers(Slots(10, 100, spread=0.0), 150)
    ended = sum(answer.at_ns <= 10 * S for _, answer in answers)
    assert 980 <= ended <= 1000
    waits = [answer.at_ns - now_ns for now_ns, answer in answers]
    assert waits[0] == 100 * MS
    assert waits[-1] == pytest.approx(5.1 * S, rel=0.01)


def test_who_waits_too_long_for_a_slot_gets_503_at_that_time() -> None:
    """The pool lets five of 100 ms through, and tells the others after 500 ms."""
    answers = _answers(Slots(5, 100, patience_ms=500), 100)
    served = sum(answer.status == "200 OK" for _, answer in answers)
    refused = [answer.at_ns - now_ns for now_ns, answer in answers if answer.status != "200 OK"]
    assert served == pytest.approx(525, rel=0.02)
    assert set(refused) == {500 * MS}


@pytest.mark.parametrize("per_s", [50, 200, 2000])
def test_a_rate_limit_lets_its_rate_through(per_s: int) -> None:
    """What is below it passes, what is above is 429 with a header that says when to come again."""
    answers = _answers(RateLimit(100, burst=10), per_s)
    served = [answer for _, answer in answers if answer.status == "200 OK"]
    assert len(served) == pytest.approx(min(per_s, 101) * 10, rel=0.01)
    for now_ns, answer in answers:
        if answer.status != "200 OK":
            assert (answer.at_ns - now_ns, answer.headers) == (5 * MS, "Retry-After: 1\r\n")


def test_a_stall_answers_nobody_and_then_everybody() -> None:
    """From 1 s on, one second in three: nothing is answered in it, and what came in it just after it."""
    answers = _answers(Stalls(every_s=3, for_s=1), 100)
    for now_ns, answer in answers:
        into_s = (now_ns / S - 1) % 3
        stalled = now_ns >= S and into_s < 1
        assert answer.at_ns - now_ns == pytest.approx((1 - into_s) * S + 5 * MS if stalled else 5 * MS, abs=2)


def test_phases_are_slow_when_they_say_so() -> None:
    """Without a limit slow means slow; with one, what comes in a slow phase waits for those before it as well."""
    law = Phases(every_s=4, slow_s=1.5, slow_ms=200, fast_ms=5)
    for now_ns, answer in _answers(law, 100):
        took_ms = (answer.at_ns - now_ns) / MS
        assert (180 <= took_ms <= 220) if law.is_slow(now_ns) else (4.5 <= took_ms <= 5.5)
    limited = _answers(Phases(every_s=4, slow_s=1.5, slow_ms=600, fast_ms=200, slots=240), 600)
    assert max(answer.at_ns - now_ns for now_ns, answer in limited) > 660 * MS


def test_a_busy_thread_is_told_for_how_long() -> None:
    """CPU and holding are the server's to do, so an answer is due at once."""
    assert Busy(cpu_ms=5, held_ms=1).answer(7, Random(1)) == Answer(7, cpu_ns=5 * MS, held_ns=MS)


@pytest.mark.parametrize(
    "law",
    [
        Delay(5, exponential=True, pieces=3, gap_ms=2),
        Slots(5, 100, patience_ms=500),
        Busy(5),
        RateLimit(100),
        Stalls(3, 1),
        Phases(4, 1.5, 200, 5),
    ],
    ids=lambda law: type(law).__name__,
)
def test_a_law_is_the_same_in_another_process(law: Law) -> None:
    """The law as a server reads it is the law here: the same arrivals and seed give the same answers."""
    again = laws.from_json(laws.to_json(law))
    assert _answers(again, 100) == _answers(law, 100)

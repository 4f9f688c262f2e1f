"""The rule by which the users' own code is called the limit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loadcore.judge import script
from loadcore.judge.bottleneck import bottleneck
from loadcore.judge.finding import Finding
from loadcore.judge.script import Blocked, Lag, PythonTime
from loadcore.judge.seconds import WorkerSecond

if TYPE_CHECKING:
    from collections.abc import Sequence

MS = 1_000_000
SLEEPS = Blocked("shop.py:41", "time.sleep(0.2)", 9, 214, 1_870)
SELDOM = Blocked("shop.py:41", "time.sleep(0.2)", 1, 214, 214)
LATE = Finding(
    subject="client", severity="invalid", rule="lag", message="p99 260 ms, of which the client added 237 ms", advice="x"
)
OF_SCRIPT, OF_ENGINE = Lag(20 * MS, 18 * MS, 230 * MS), Lag(20 * MS, MS, 2 * MS)


def found(
    *ratios: float | None,
    blocked: Sequence[Blocked] = (),
    lag: Lag = OF_ENGINE,
    wants_more: bool = False,
    late: Sequence[Finding] = (),
) -> list[Finding]:
    """The findings about two workers, of which the first had these seconds."""
    python = PythonTime()
    for second, ratio in enumerate(ratios):
        python.see(WorkerSecond(second, 0, python_ratio=ratio))
        python.see(WorkerSecond(second, 1, python_ratio=0.1))
    return script.findings(python, blocked, lag, wall_s=10.0, wants_more=wants_more, late=late)


def test_code_that_has_time_is_not_blamed() -> None:
    """Neither a quiet script nor one that blocked once and changed no time; nor where nothing is known."""
    assert found(0.3, 0.5, 0.95, 0.95, 0.4) == []
    assert found(0.3, blocked=[SELDOM]) == []
    assert found(None, None, None) == []


def test_python_that_fills_its_core_is_the_limit() -> None:
    """Users wait for it: suspect while all that was asked at a rate was done, invalid otherwise; with what to do."""
    (suspect,) = found(0.5, 0.93, 0.97, 0.95)
    (invalid,) = found(0.5, 0.93, 0.97, 0.95, wants_more=True)

    assert (suspect.subject, suspect.rule, suspect.severity, suspect.worker) == ("script", "script", "suspect", 0)
    assert suspect.message.startswith("the Python code of worker 0 used up to 97% of a core for 3 s in a row")
    assert (suspect.first_s, suspect.last_s) == (1, 3)
    assert "more workers (`--workers`)" in suspect.advice
    assert invalid.severity == "invalid"
    assert invalid.text.startswith("the script was the bottleneck: the Python code")


def test_a_line_that_blocks_all_users_is_named() -> None:
    """With file, line and source, how often, how long, its share of the time; and the remedy for it."""
    (one,) = found(0.1, blocked=[SLEEPS])
    message = "shop.py:41 (time.sleep(0.2)) blocked, and held up all users of its worker 9 times, for up to 214 ms"

    assert one.severity == "suspect"
    assert one.value == pytest.approx(0.187)
    assert one.message == f"{message}, 19% of the time in all"
    assert "asyncio.to_thread" in one.advice
    assert "shop.py:41" in one.advice


def test_times_that_the_script_spoilt_are_its_doing() -> None:
    """The finding about the client's delay becomes one about the script, with its cause and its severity."""
    (blocked,) = found(0.1, blocked=[SELDOM], lag=OF_SCRIPT, late=[LATE])
    (busy,) = found(0.1, 0.7, lag=OF_SCRIPT, late=[LATE])

    assert (blocked.subject, blocked.severity) == ("script", "invalid")
    assert blocked.message.startswith("p99 260 ms, of which the client added 237 ms; shop.py:41 (time.sleep(0.2))")
    assert "blocked, and held up all users of its worker once for 214 ms" in blocked.message
    assert "used up to 70% of a core, and users waited for up to 230 ms (p99)" in busy.message


def test_a_delay_of_the_engine_is_not_the_scripts() -> None:
    """Nor one of a script that was idle, whose thread got no core."""
    assert found(0.7, lag=OF_ENGINE, blocked=[SELDOM], late=[LATE]) == []
    assert found(0.1, lag=OF_SCRIPT, late=[LATE]) == []
    assert found(0.1, lag=OF_SCRIPT, late=[LATE], blocked=[replace(SELDOM, longest_ms=60)]) == []


def test_a_line_that_computes_gets_another_remedy() -> None:
    """Nothing can be awaited in its place."""
    (one,) = found(0.1, blocked=[replace(SLEEPS, source="sum(x)", computes=True)])

    assert one.message.startswith("shop.py:41 (sum(x)) computed, and held up all users of its worker 9 times")
    assert one.advice == "at shop.py:41: compute less, or run more workers (`--workers`)"


def test_a_suspect_script_is_the_bottleneck() -> None:
    """Its users ask for less than they would: then neither target nor plan is the limit."""
    (suspect,) = found(0.95, 0.95, 0.95)
    target = Finding(subject="target", severity="note", rule="concurrency", message="at most ~10 at once", advice="x")

    told = bottleneck([target, suspect], is_wrong=False, is_open=False)
    assert (told["subject"], told["rule"]) == ("script", "script")
    assert told["message"].startswith("the script was the bottleneck: the Python code of worker 0")


def test_long_pauses_of_the_garbage_collector_are_noted() -> None:
    """With how long and how often; short ones are not, and a note names no limit."""
    assert script.pauses(40, 12.0, 300.0) == []
    (noted,) = script.pauses(3, 120.0, 310.0)

    assert (noted.subject, noted.severity, noted.rule) == ("script", "note", "collections")
    assert "held up all users of a worker for up to 120 ms, 3 times, 310 ms in all" in noted.message
    assert bottleneck([noted], is_wrong=False, is_open=False)["subject"] == "plan"

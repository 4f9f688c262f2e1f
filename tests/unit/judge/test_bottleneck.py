"""Who was the bottleneck is one sentence, and no party is named without need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loadcore.judge.bottleneck import bottleneck
from loadcore.judge.finding import Finding
from loadcore.judge.policy import policy

CLIENT = Finding(subject="client", severity="invalid", rule="cpu", message="worker 0 used 98 %", advice="more workers")
SUSPECT = Finding(subject="client", severity="suspect", rule="lag", message="p99 31.6 ms", advice="leave cores")
QUEUE = Finding(subject="target", severity="note", rule="own_queue", message="503 after 500 ms", advice="look")
STALLS = Finding(subject="target", severity="note", rule="stalls", message="no answer for 1.0 s", advice="look")
HIDDEN = Finding(subject="target", severity="note", rule="not_visible", message="not visible", advice="give it")
PLAN = Finding(subject="plan", severity="invalid", rule="sent", message="90 of 100 started", advice="more users")


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([QUEUE, CLIENT], ("client", "cpu", "the client was the bottleneck: worker 0 used 98 %")),
        ([SUSPECT, QUEUE, STALLS], ("target", "own_queue", "the target was the bottleneck: 503 after 500 ms")),
        ([PLAN, STALLS], ("target", "stalls", "the target was the bottleneck: no answer for 1.0 s")),
        ([PLAN, HIDDEN], ("plan", "sent", "the plan was the bottleneck: 90 of 100 started")),
        ([SUSPECT, HIDDEN], (None, None, "the bottleneck is unknown")),
    ],
)
def test_one_is_named(findings: list[Finding], expected: tuple[Any, ...]) -> None:
    """The client before the target, the target before the plan, the first finding of each."""
    assert tuple(bottleneck(findings, is_wrong=True, is_open=True).values()) == expected


def test_what_takes_time_limits_who_waits_for_it() -> None:
    """Users of a closed loop, and a schedule that is not kept; one that is kept asked for no more."""
    upstream = replace(STALLS, rule="upstream", message="GET / waits for an upstream")

    assert bottleneck([upstream], is_wrong=False, is_open=False)["rule"] == "upstream"
    assert bottleneck([upstream], is_wrong=True, is_open=True)["rule"] == "upstream"
    assert bottleneck([upstream], is_wrong=False, is_open=True)["rule"] is None


def test_no_party_is_named() -> None:
    """Where nothing is wrong, the plan asked for no more."""
    unknown = bottleneck([SUSPECT], is_wrong=False, is_open=True)
    assert unknown == {
        "subject": "plan",
        "rule": None,
        "message": "neither client nor target was the bottleneck: the plan asked for no more",
    }
    assert bottleneck([], is_wrong=False, is_open=False)["message"].endswith("no more users were requested")


@pytest.mark.parametrize(
    ("status", "asks_to_wait", "expected"),
    [
        (429, False, "rate_limit"),
        (401, False, "authorization"),
        (403, True, "authorization"),
        (503, True, "circuit_breaker"),
        (503, False, None),
        (500, True, None),
        (0, False, None),
    ],
)
def test_answers_by_policy(status: int, asks_to_wait: bool, expected: str | None) -> None:
    """A target that applies its policy is distinguished from one that fails."""
    assert policy(status, asks_to_wait=asks_to_wait) == expected

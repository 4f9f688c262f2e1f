"""Whether the target kept up with what it was asked: open models only, since closed ones wait for it.

Requests that are under way at the end of the measured part are not unanswered: a healthy target that takes 300 ms has
the last 300 ms of them. So `answered` is compared with what was asked *in time*, which leaves out the end of the span:
as long as the target took for its slowest percent when it was at its best, or in a slow phase that passed.

    answered ratio = answered within the span / asked within the span less its last `quick` seconds, at most 1

`quick` is the least 99th percentile of response times over the seconds of the run, or the highest median of a second
after which it fell by half, if that is more. With a queue that grows, response times of the first seconds are short and
those of the last ones are long and do not fall; so `quick` stays short, and what waits in the queue is missing.
Up to `SPARE` requests may be missing from any run: in a run of 100, one straggler is a whole percent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loadcore.judge.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

SPARE: Final = 3
"""Requests that may be missing."""
LEAST: Final = 0.99
"""The minimum share of requests asked in time that must be answered."""
_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True)
class Asked:
    """What was asked of a scenario's target, and what it answered, within the span [`start_ns`, `end_ns`)."""

    scenario: str
    start_ns: int
    end_ns: int
    by_second: Mapping[int, int]
    """Requests due in each second of the run, with arrivals that found no free user, each as one."""
    answered: int
    """Requests that ended with a response within the span."""
    failed: int
    """Requests that ended without one within the span."""
    dropped: int
    """Arrivals that found no free user."""
    quick_ns: float
    users: int
    """The most that may run at once."""
    response_p50_ns: float | None = None

    @property
    def asked(self) -> int:
        """All that was asked within the span."""
        return sum(self.by_second.values())

    @property
    def seconds(self) -> float:
        """Length of the span."""
        return (self.end_ns - self.start_ns) / _SECOND_NS

    @property
    def in_flight(self) -> int:
        """Requests that were under way at the end of the span."""
        return max(0, self.asked - self.dropped - self.answered - self.failed)


def asked_in_time(asked: Asked) -> float:
    """What was asked early enough to be answered within the span by a target at its best."""
    until_ns = max(float(asked.start_ns), asked.end_ns - asked.quick_ns)
    total = 0.0
    for second, count in asked.by_second.items():
        begin = max(second * _SECOND_NS, asked.start_ns)
        end = min((second + 1) * _SECOND_NS, asked.end_ns)
        if end > begin:
            total += count * min(1.0, max(0.0, until_ns - begin) / (end - begin))
    return total


def answered_ratio(asked: Asked) -> float | None:
    """What was answered, of what was asked in time: 1.0 at most; None if nothing was asked in time."""
    in_time = asked_in_time(asked)
    if in_time < 1:
        return None
    return 1.0 if in_time - asked.answered <= SPARE else asked.answered / in_time


def findings(asked: Asked) -> list[Finding]:
    """That a backlog grew, or that the plan had too few users; empty if the target kept up."""
    ratio = answered_ratio(asked)
    if ratio is None or ratio >= LEAST or not asked.seconds:
        return []
    rate, answered = asked.asked / asked.seconds, asked.answered / asked.seconds
    where = f"{asked.scenario}: asked {_per_s(rate)}, answered {_per_s(answered)}"
    if asked.dropped > asked.asked * (1 - LEAST):
        return [_few_users(asked, where, rate, ratio)]
    if asked.in_flight <= SPARE or not asked.answered:
        return []  # What is missing failed, or nothing was answered at all: that is reported as errors, or as no data.
    return [
        Finding(
            subject="target",
            severity="note",
            rule="backlog",
            message=f"{where}: the target did not keep up, {asked.in_flight:,} in flight at the end",
            advice=f"ask for less than {_per_s(answered)}, or find what limits the target, whose queue grows",
            value=ratio,
            limit=LEAST,
            scenario=asked.scenario,
        )
    ]


def _few_users(asked: Asked, where: str, rate: float, ratio: float) -> Finding:
    slow_s = (asked.response_p50_ns or 0) / _SECOND_NS
    users = f"{asked.users:,} user{'' if asked.users == 1 else 's'}"
    message = f"{where}: {asked.dropped:,} arrivals found none of {users} free"
    advice = "find what limits the target, or allow more users (`max_users`)"
    if slow_s:
        message += f", at a response time of {slow_s * 1e3:,.0f} ms (p50)"
        enough = f"{_per_s(rate)} at {slow_s * 1e3:,.0f} ms take {_rounded_up(rate * slow_s)} or more"
        advice = f"allow more users (`max_users`): {enough}; if response times then grow, the target is the bottleneck"
    return Finding(
        subject="plan",
        severity="note",
        rule="users",
        message=message,
        advice=advice,
        value=ratio,
        limit=LEAST,
        scenario=asked.scenario,
    )


def _per_s(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= 100 else f"{rate:,.1f}/s"  # noqa: PLR2004 - three digits


def _rounded_up(number: float) -> str:
    return f"{int(-(-number // 1)):,}"

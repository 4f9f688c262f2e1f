"""Which cases there are, and what the report had measured."""

from __future__ import annotations

from dataclasses import dataclass

USERS = (50, 100, 200, 500, 1000)
UPSTREAM_S = 0.04
"""The mean that the upstream adds to a request: four of ten wait 100 ms for it."""
THINK_S = 2.0
"""The mean pause between two requests of a user: 1 to 3 s."""


@dataclass(frozen=True)
class Deployment:
    """How the gateway is run.

    Attributes:
        name: What it is called in the table.
        arguments: Options of `loadcore target up`.
        programs: What it needs that is not Python.
    """

    name: str
    arguments: tuple[str, ...]
    programs: tuple[str, ...] = ()


_THREE = ("--replicas", "3", "--cache", "redis")
DEPLOYMENTS = (
    Deployment("one gateway, 1 worker", ("--workers", "1", "--cache", "redis"), ("redis",)),
    Deployment("one gateway, 2 workers", ("--workers", "2", "--cache", "redis"), ("redis",)),
    Deployment("3 replicas, nginx", (*_THREE, "--proxy", "nginx"), ("nginx", "redis")),
    Deployment("3 replicas, HAProxy", (*_THREE, "--proxy", "haproxy"), ("haproxy", "redis")),
)


@dataclass(frozen=True)
class Reported:
    """What the report says of a number of users.

    Attributes:
        success: Share of good answers.
        requests_per_s: Their rate; `None` if it has none.
        mean_ms: Their mean time.
        p95_ms: What 95 % of them took at most.
    """

    success: float
    requests_per_s: float | None = None
    mean_ms: float | None = None
    p95_ms: float | None = None


REPORTED = {
    50: Reported(1.0, 23, 117),
    100: Reported(1.0, 46, 118, 210),
    200: Reported(0.0),
    500: Reported(0.0),
    1000: Reported(0.0),
}
"""Of 200 users and more every request failed, for want of file descriptors in the client."""
HOPED = "1,000 users: 400 to 500 requests/s, 200 to 500 ms, more than 95 % success"


@dataclass(frozen=True)
class Durations:
    """How long a case takes.

    Attributes:
        ramp_s: Until all users are there.
        settle_s: After that, until what is measured begins.
        steady_s: What is measured.
    """

    ramp_s: int = 10
    settle_s: int = 3
    steady_s: int = 20


QUICK = Durations(2, 1, 3)
QUICK_USERS = (50, 200)
QUICK_DEPLOYMENTS = (DEPLOYMENTS[0], DEPLOYMENTS[3])

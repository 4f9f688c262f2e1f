"""Which cases there are, and what an earlier test had found in some of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

USERS = (50, 100, 200, 500, 1000)
UPSTREAM_S = 0.04
"""The mean that the upstream adds to a request: four of ten wait 100 ms for it."""
THINK_S = 2.0
"""The mean pause between two requests of a user: 1 to 3 s."""
THINK_SPREAD = 0.29
"""The standard deviation of pauses that are even between 1 and 3 s, as a part of their mean: 2 s / sqrt(12) / 2 s."""


@dataclass(frozen=True)
class Deployment:
    """How the gateway is run.

    Attributes:
        name: What it is called in the table.
        arguments: Options of `loadcore target up`.
        programs: What it needs that is not Python.
        cores: The least number of cores with which it says something.
    """

    name: str
    arguments: tuple[str, ...]
    programs: tuple[str, ...] = ()
    cores: int = 1


_THREE = ("--replicas", "3", "--cache", "redis")
DEPLOYMENTS = (
    Deployment("one gateway, 1 worker", ("--workers", "1", "--cache", "redis"), ("redis",)),
    Deployment("one gateway, 2 workers", ("--workers", "2", "--cache", "redis"), ("redis",)),
    Deployment("one gateway, 4 workers", ("--workers", "4", "--cache", "redis"), ("redis",), cores=4),
    Deployment("3 replicas, nginx", (*_THREE, "--proxy", "nginx"), ("nginx", "redis")),
    Deployment("3 replicas, HAProxy", (*_THREE, "--proxy", "haproxy"), ("haproxy", "redis")),
)


def fitting(deployments: Sequence[Deployment]) -> list[Deployment]:
    """Those for which this machine has cores enough."""
    return [deployment for deployment in deployments if deployment.cores <= (os.cpu_count() or 1)]


@dataclass(frozen=True)
class Earlier:
    """What the earlier test found with a number of users.

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


EARLIER = {
    50: Earlier(1.0, 23, 117),
    100: Earlier(1.0, 46, 118, 210),
    200: Earlier(0.0),
    500: Earlier(0.0),
    1000: Earlier(0.0),
}
"""With 200 users and more every request failed, because the client ran out of file descriptors."""
GOAL_USERS = 1000
GOAL = ("> 95%", "400 to 500", "200 to 500", "")
"""What that test was to show: success, requests/s, mean and 95th percentile in ms; nothing of the last."""


@dataclass(frozen=True)
class Durations:
    """How long a case takes.

    Attributes:
        ramp_s: Until all users are there.
        settle_s: After that, until what is measured begins.
        steady_s: What is measured.
    """

    ramp_s: int = 8
    settle_s: int = 2
    steady_s: int = 18


QUICK = Durations(2, 1, 3)
QUICK_USERS = (50, 200)
QUICK_DEPLOYMENTS = (DEPLOYMENTS[0], DEPLOYMENTS[-1])

CLIENT_USERS = (100, 500, 1000)
"""For the comparison of clients."""
CLIENT_DURATIONS = Durations(4, 0, 15)
QUICK_CLIENT_USERS = (50,)
QUICK_CLIENT_DURATIONS = Durations(1, 0, 4)

"""How many replicas a load needs: the formula of Kubernetes' HorizontalPodAutoscaler, on requests in flight."""

import math
import time
from collections import deque
from dataclasses import dataclass

TARGET = 8.0
"""Requests in flight that one replica is meant to have, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """Between which bounds, and how eagerly.

    Attributes:
        least: Fewest replicas.
        most: Most replicas.
        target: Requests in flight that one replica is meant to have.
        over_s: The load is averaged over this time.
        calm: This number of equal verdicts in a row is needed before a replica is taken away.
    """

    least: int
    most: int
    target: float = TARGET
    over_s: float = 4.0
    calm: int = 5


class Autoscaler:
    """Up at once, down only when it stays calm: a replica too many costs less than a queue.

    Args:
        scaling: Its settings.
    """

    def __init__(self, scaling: Scaling) -> None:
        self._scaling = scaling
        self._loads: deque[tuple[float, int]] = deque()
        self._calm = 0

    def wanted(self, load: int, replicas: int, now: float | None = None) -> int:
        """How many replicas there should be.

        Args:
            load: Requests being served or waiting, now.
            replicas: How many replicas there are.
            now: Seconds on a clock that never goes back; by default the monotonic one.
        """
        scaling = self._scaling
        now = time.monotonic() if now is None else now
        self._loads.append((now, load))
        while self._loads[0][0] < now - scaling.over_s:
            self._loads.popleft()
        mean = sum(each for _, each in self._loads) / len(self._loads)
        wanted = min(scaling.most, max(scaling.least, math.ceil(mean / scaling.target)))
        if wanted >= replicas:
            self._calm = 0
            return wanted
        self._calm += 1
        if self._calm < scaling.calm:
            return replicas
        self._calm = 0
        return replicas - 1

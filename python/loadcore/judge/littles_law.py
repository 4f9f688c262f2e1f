"""Whether what was recorded is what was sent: Little's law as an invariant.

The mean number in a system is the rate of arrivals times the mean time in it (J. D. C. Little, A Proof for the
Queuing Formula L = λW, Operations Research 9, 1961). Over a whole run that is exact, and no more than a way to count:
the integral over time of how many requests were in flight is the sum of how long each was. The engine counts the
integral by sends and ends, the sum by records. A request that was lost or counted twice, or a clock that jumped,
drives them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loadcore.judge.finding import Finding
from loadcore.judge.health import who

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT: Final = 0.02
"""How far the two may lie apart, of the greater. In the engine they are equal to the nanosecond."""
_RULE: Final = "littles_law"


@dataclass(frozen=True, slots=True)
class Flights:
    """What a worker counted in a whole run."""

    worker: int
    in_flight_ns: int
    """The integral of the number of requests in flight."""
    recorded_ns: int
    """How long the requests were in flight, by their records."""

    @property
    def apart(self) -> float:
        """How far the two lie apart, of the greater."""
        greater = max(abs(self.in_flight_ns), abs(self.recorded_ns))
        return abs(self.in_flight_ns - self.recorded_ns) / greater if greater else 0.0


def findings(workers: Sequence[Flights]) -> list[Finding]:
    """One finding about all workers whose counts do not agree.

    Args:
        workers: Those that came to their end: requests of others are in flight still.
    """
    broken = [each for each in workers if each.apart > LIMIT]
    if not broken:
        return []
    worst = max(broken, key=lambda each: each.apart)
    return [
        Finding(
            subject="results",
            severity="invalid",
            rule=_RULE,
            message=(
                "requests were lost or counted twice, or the clock jumped: "
                f"{who([each.worker for each in broken], len(workers))} had requests in flight for "
                f"{worst.in_flight_ns / 1e9:.2f} s in all, and recorded {worst.recorded_ns / 1e9:.2f} s of them"
            ),
            advice="run again; if it happens again, please report it: loadcore must count right under any load",
            value=worst.apart,
            limit=LIMIT,
            worker=worst.worker,
            workers=tuple(each.worker for each in broken),
        )
    ]

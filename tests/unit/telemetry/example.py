"""The measures of a small run."""

from __future__ import annotations

from loadcore.telemetry.measures import BOUNDS_S, Measures, StepMeasures, Times


def measures(requests: int = 100) -> Measures:
    """A run in which a tenth of the requests is slow, and one of them failed."""
    counts = [0] * (len(BOUNDS_S) + 1)
    counts[4], counts[-1] = requests - requests // 10, requests // 10
    times = Times(tuple(counts), 0.008 * requests, 0.007, 61.0)
    step = StepMeasures(
        scenario="shop",
        step='GET /items/{id} "x"',
        method="GET",
        section="main",
        outcomes={"ok": requests - 1, "timeout_headers": 1},
        statuses={200: requests - 1},
        errors=1,
        service=times,
        response=times,
        sent_bytes=90 * requests,
        received_bytes=200 * requests,
    )
    ends = {"started": requests, "completed": requests - 1, "failed": 1, "dropped": 0}
    return Measures(
        steps=[step],
        iterations={("shop", end): count for end, count in ends.items()},
        users={"shop": 5},
        changes={("shop", "users"): 2, ("shop", "pause"): 1},
        paused={"shop": True},
        ordered_users={"shop": 7},
        ordered_per_s={"other": 300.0},
        client_cpu={0: 0.25},
        client_lag_p99_s={0: 0.0001},
        rows_dropped=0,
    )

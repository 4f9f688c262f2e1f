"""How late the event loop is: the time by which a short sleep ends too late."""

import asyncio
import time

from loadcore_target.observe.metrics import Metrics

_INTERVAL_S = 0.1


async def watch_loop_lag(metrics: Metrics) -> None:
    """Measures for ever; the gauge holds the worst of the last ten measurements of this worker."""
    recent = [0.0] * 10
    at = 0
    while True:
        before = time.monotonic()
        await asyncio.sleep(_INTERVAL_S)
        recent[at] = max(0.0, time.monotonic() - before - _INTERVAL_S)
        at = (at + 1) % len(recent)
        metrics.loop_lag.set(max(recent))

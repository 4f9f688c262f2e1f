"""What wrk saw, what it prints, and what others make of the same.

wrk asks in a closed loop and then back-fills: for an answer that took longer than the mean interval between requests of
one connection it adds those that this interval would have had in the meantime, and prints percentiles of both. wrk2,
which keeps a schedule instead, is in no package; its histogram's rule for closed loops (HdrHistogram's, for an interval
that is expected) is the same with another interval. So wrk's own back-filling is taken back here, which leaves what it
saw, and done again with the median answer as the interval, as of a server that does not freeze.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benches import affinity, tools
from benches.processes import run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benches.targets.target import Target

CONNECTIONS = 10
_TELL = """\
local ffi = require("ffi")
done = function(summary, latency, requests)
  -- count, limit, least and most, then a count for each microsecond. Asking for one value after another takes minutes.
  local held = ffi.cast("uint64_t **", latency)[0]
  assert(tonumber(held[2]) == latency.min and tonumber(held[3]) == latency.max, "not as wrk 4 keeps them")
  io.write('{"duration_us":', summary.duration, ',"requests":', summary.requests, ',"values":[[0,0]')
  for value = latency.min, latency.max do
    local count = tonumber(held[4 + value])
    if count > 0 then io.write(string.format(",[%d,%d]", value, count)) end
  end
  io.write("]}\\n")
end
"""


@dataclass(frozen=True)
class Told:
    """What wrk tells a script: how long it ran, and how often each time was measured, back-filled."""

    duration_us: int
    requests: int
    values: Mapping[int, int]
    """Counts by microseconds."""

    def interval_us(self, connections: int) -> int:
        """What wrk takes for the interval between the requests of one connection."""
        return self.duration_us // (self.requests // connections)


def ask(target: Target, seconds: int) -> Told:
    """Runs wrk, one thread.

    Raises:
        MissingToolError: It is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        (script := Path(folder) / "tell.lua").write_text(_TELL, encoding="utf-8")
        load = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script)]
        finished = run(affinity.pinned([tools.find("wrk"), *load, f"{target.url}/"], affinity.client_core()))
    return read(finished.output)


def read(output: str) -> Told:
    """What the script wrote among what wrk prints."""
    told = json.loads(next(line for line in output.splitlines() if line.startswith('{"duration_us"')))
    return Told(told["duration_us"], told["requests"], {value: count for value, count in told["values"] if count})


def filled(seen: Mapping[int, int], interval: int) -> Counter[int]:
    """The counts with those that were left out while a request waited."""
    counts = Counter(seen)
    for value, count in seen.items():
        for left_out in range(value - interval, interval, -interval):
            counts[left_out] += count
    return counts


def emptied(counts: Mapping[int, int], interval: int) -> Counter[int]:
    """What there was before `filled`.

    Raises:
        ValueError: The counts were not filled with this interval.
    """
    left = Counter(counts)
    for value in sorted(counts, reverse=True):
        for added in range(value - interval, interval, -interval) if left[value] else ():
            left[added] -= left[value]
    if left and min(left.values()) < 0:
        raise ValueError(f"not filled with an interval of {interval} µs")
    return +left


def quantiles(counts: Mapping[int, int], wanted: Sequence[float]) -> dict[float, float]:
    """Seconds by quantile."""
    total, so_far, found = sum(counts.values()), 0, dict[float, float]()
    open_ones = sorted(wanted)
    for value in sorted(counts):
        so_far += counts[value]
        while open_ones and so_far >= open_ones[0] * total:
            found[open_ones.pop(0)] = value / 1e6
    return found

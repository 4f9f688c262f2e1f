"""Connects on the grid of SYNs that are sent again: the target's accept queue is full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.target.named import named
from loadcore.judge.words import span

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts

GRID_S = (1, 2, 3, 4, 5, 7, 15, 31)
"""When Linux sends a SYN again: after 1, 3, 7, 15 s; newer kernels four times at 1 s first."""
BEFORE_NS, AFTER_NS = 20_000_000, 250_000_000
"""How far from the grid a connect may be: the clock ticks, and a busy machine is late."""
SLOW_NS = 500_000_000
LEAST = 3
LEAST_SHARE = 0.001
"""Of all connects."""


def accept_queue(facts: Facts) -> list[Finding]:
    """SYNs that were dropped, by what connects took, and by what the kernel counts where the target is here."""
    slow = facts.connects.from_ns(SLOW_NS)
    on_grid = {
        second: sum(count for ns, count in slow.counted if -BEFORE_NS <= ns - second * 1e9 <= AFTER_NS)
        for second in GRID_S
    }
    late, timeouts = sum(on_grid.values()), facts.outcomes["connect_timeout"]
    drops = sum(each.process.accept_drops for each in facts.seconds if each.process) if facts.is_here else 0
    is_told = late >= max(LEAST, LEAST_SHARE * facts.connects.count) and late >= 0.7 * slow.count
    is_seen = drops >= LEAST and (late or timeouts)
    if not facts.connects.count or not (is_told or is_seen):
        return []
    seen = [span(second * 1e9) for second, count in on_grid.items() if count]
    parts = [f"{late:,} of {facts.connects.count:,} connects took {', '.join(seen[:3])}"] if late else []
    parts += [f"{timeouts:,} timed out"] if timeouts else []
    kernel = [f"{drops:,} dropped by this machine"] if drops else []
    full = max((each.process for each in facts.seconds if each.process), key=_filling, default=None)
    if full and full.accept_limit is not None and full.accept_waiting:
        kernel.append(f"{full.accept_waiting} of {full.accept_limit} waiting")
    told = f" ({', '.join(kernel)})" if kernel else ""
    return [
        named(
            rule="accept_queue",
            message=f"{' and '.join(parts)}: SYNs were dropped because the target's accept queue is full{told}",
            advice="give it a longer backlog (`listen()`, net.core.somaxconn) or more accepting processes, "
            "and keep connections open",
            value=float(late),
        )
    ]


def _filling(process: object) -> int:
    return getattr(process, "accept_waiting", None) or 0

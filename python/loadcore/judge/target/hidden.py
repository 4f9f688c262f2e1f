"""What could not be seen, said only where it would have helped: of a target that is too slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.target.named import named

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts

LEAST_SECONDS = 3
"""In a shorter run nothing of it could have been seen anyway."""


def hidden(facts: Facts) -> list[Finding]:
    """That the target's CPU was not visible, and how it would be."""
    if facts.sight != "none" or not facts.is_slow or not facts.answered or len(facts.seconds) < LEAST_SECONDS:
        return []
    where = "its processes cannot be inspected" if facts.is_here else "it runs elsewhere"
    return [
        named(
            rule="not_visible",
            message=f"the target's CPU is not visible: {where}",
            advice="give `--target-metrics URL`, or, if it runs on this machine, `--target-pid` or `--target-cgroup`",
        )
    ]

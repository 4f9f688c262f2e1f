"""What could not be seen, said only where it would have helped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.judge.target.named import named

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding
    from loadcore.judge.target.facts import Facts


def hidden(facts: Facts) -> list[Finding]:
    """That the target's CPU was not visible, and how it would be."""
    if facts.sight != "none" or not facts.is_wrong or not facts.seconds:
        return []
    where = "its processes cannot be looked at" if facts.is_here else "it runs elsewhere"
    return [
        named(
            rule="not_visible",
            message=f"the target's CPU is not visible: {where}",
            advice="give `--target-metrics URL`, or `--target-pid` or `--target-cgroup` where it runs on this machine",
        )
    ]

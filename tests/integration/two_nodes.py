"""Runs on two nodes: agents in this process, behind a link that can be cut."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.cluster.placement import Cluster, ClusterPlacement
from loadcore.cluster.policy import Policy
from loadcore.processes.launch import run_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.results.open.run import Run
    from tests.integration.counting_target import Target
    from tests.unit.cluster.nodes import FaultyLink

PATIENT = Policy(lead_s=0.2, lease_s=30.0, renew_s=0.2, late_after_s=20.0, lost_after_s=40.0, max_lost_share=0.5)
"""A busy machine may hold up a node for long: what is lost here is lost by the link's word."""


class Told:
    """Does something at a second of a run, and keeps the messages."""

    def __init__(self, at: int = -1, act: Callable[[], None] = lambda: None) -> None:
        self.at, self.act = at, act
        self.lines: list[str] = []

    def on_window(self, _frame: Any, second: int) -> None:
        """A second has ended."""
        if second == self.at:
            self.at = -1
            self.act()

    def on_message(self, text: str) -> None:
        """Something worth knowing."""
        self.lines.append(text)


def run(link: FaultyLink, plan: Any, out: Path, told: Told | None = None, policy: Policy = PATIENT) -> Run:
    """A run on both nodes, with a worker on each."""
    placement = ClusterPlacement(link, Cluster("tcp://127.0.0.1:1", Path(), policy=policy))
    return run_plan(plan, (), workers=1, out=out, placement=placement, listeners=[told or Told()])


def count_at_rest(target: Target) -> int:
    """The target's count, once nothing comes any more."""
    deadline = time.monotonic() + 60
    before = target.total()
    while time.monotonic() < deadline:
        time.sleep(0.5)
        if (now := target.total()) == before:
            return now
        before = now
    raise AssertionError("the load does not end")

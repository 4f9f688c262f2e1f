"""What the loss of a node does to a run, and when a node counts as lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OnNodeLoss = Literal["continue", "rebalance", "abort"]

WORKERS_END_WITHIN_S = 5.0
"""What interrupted workers may take to seal their files once the lease has ended."""


@dataclass(frozen=True)
class Policy:
    """How a run deals with its nodes."""

    on_node_loss: OnNodeLoss = "continue"
    max_lost_share: float = 0.25
    """The share of the workers without which the run still continues."""
    lease_s: float = 10.0
    """How long a node continues without a word from the driver."""
    renew_s: float = 1.0
    late_after_s: float = 3.0
    lost_after_s: float = 10.0
    carry_lead_s: float = 3.0
    """What a node gets to make workers ready that carry on another's share, at the least."""
    workers_end_within_s: float = WORKERS_END_WITHIN_S
    """What the workers of a lost node may take to end once its lease has."""
    lead_s: float = 2.0
    """From the order to start to the start, at the least."""
    flat_up_to: int = 64
    """How many nodes report to the driver directly. More form groups, each with a leader."""
    group: int = 32
    """How many nodes are in a group."""
    store: str | None = None
    """Where rows go in place of the run's folder: a URI."""

    @property
    def patience_s(self) -> float:
        """After this much silence a node's workers have ended for certain."""
        return self.lost_after_s + self.lease_s + self.workers_end_within_s

    def after_loss(self, share: float) -> str | None:
        """Why a run that has lost this share of its workers ends; None if it continues."""
        if self.on_node_loss == "abort":
            return "a node was lost, and `--on-node-loss` is `abort`"
        if share > self.max_lost_share:
            return f"{share:.0%} of the workers are lost, and the run may lose {self.max_lost_share:.0%}"
        return None

"""A driver of a run on two nodes, as a process that a test can kill: address of the cluster, target, folder."""

from __future__ import annotations

import sys
from pathlib import Path

from loadcore import arrival_rate
from loadcore.cluster.placement import Cluster, connected
from loadcore.cluster.policy import Policy
from loadcore.processes.launch import run_plan
from tests.contract.test_executors import plan_of
from tests.integration.counting_target import Target


def main(address: str, target: str, out: str) -> None:
    """Drive a minute of load, with short leases."""
    plan = plan_of(Target(target), arrival_rate("60/s", duration="60s"))
    with connected(Cluster(address, Path(), nodes=2, policy=Policy(lead_s=0.5, lease_s=4.0))) as placement:
        run_plan(plan, (), workers=1, out=Path(out), placement=placement)


if __name__ == "__main__":
    main(*sys.argv[1:])

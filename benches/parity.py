"""Whether two nodes do what two processes do: `python -m benches.parity [--blocks N] [--most N] [--seconds S]`.

Runs of one plan come in blocks of four, processes, nodes, nodes, processes, so that what the machine does meanwhile
meets both. Requests and choices must be equal in all of them. Times are tested as `loadcore compare` does, on valid
runs alone; a time is the same where the whole interval of its change is smaller than what counts as a change. The
first and the last of a block are compared as well: what differs there is the machine's doing. As root all of it,
nodes, processes and target alike, runs before other programs: else a busy machine leaves hardly a valid run.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import loadcore
from benches import results
from benches.targets.waiting import waiting_target
from loadcore.cluster.placement import Cluster, connected
from loadcore.comparison.compare import compare
from loadcore.comparison.metrics import named
from loadcore.comparison.phrases import amount, between, chance, counts_from, quantity
from loadcore.comparison.sides import Compared, Side
from loadcore.compiler import Options, compile_run
from loadcore.judge.comparing.change import LEAST_RUNS, Change, Word
from loadcore.processes.launch import run_plan
from tests.integration.clusters import cluster_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.plan.plan import Plan

BLOCK = ("processes", "nodes", "nodes", "processes")
METRICS = ("response.p50", "response.p95", "errors.rate", "throughput")
SAME, DIFFERS, OPEN = "the same", "differs", "not decided"


@dataclass(frozen=True)
class Made:
    """A run.

    Attributes:
        block: Its block.
        place: Its place there: see `BLOCK`.
        is_valid: Whether its own measures call it valid.
        requests: Of each step: what the choices come to.
        summary: All of it.
    """

    block: int
    place: int
    is_valid: bool
    requests: Mapping[str, int]
    summary: Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """How a metric of some runs compares with that of others.

    Attributes:
        compared: Which runs with which.
        metric: The metric.
        before: Its median in the first ones.
        after: Its median in the others.
        change: By how much it differs, with its 95 % interval.
        counts: The smallest change that counts.
        p: Of the permutation test, adjusted for the number of metrics; `-` where all runs lie closer than what counts.
        word: What it comes to.
    """

    compared: str
    metric: str
    before: str
    after: str
    change: str
    counts: str
    p: str
    word: str


def plan_of(url: str, seconds: float) -> Plan:
    """A plan with choices."""
    scenario = loadcore.Scenario(
        "same",
        base_url=url,
        load=loadcore.arrival_rate("100/s", duration=f"{seconds}s"),
        steps=[loadcore.choice((2, [loadcore.get("/a")]), (1, [loadcore.get("/b")]))],
    )
    return compile_run([scenario], Options(seed=7, name="same"), (), ())[0]


def made(blocks: int, most: int, seconds: float) -> list[Made]:
    """Make blocks of runs until enough of each place are valid, or the most are made."""
    found: list[Made] = []
    with (
        tempfile.TemporaryDirectory(prefix="parity-") as folder,
        waiting_target() as url,
        cluster_of(2, Path(folder) / "cluster") as cluster,
    ):
        plan = plan_of(url, seconds)
        for block in range(most):
            for place, way in enumerate(BLOCK):
                out = Path(folder) / f"{block}-{place}"
                if way == "nodes":
                    with connected(Cluster(cluster.address, Path(), nodes=2)) as placement:
                        run = run_plan(plan, (), workers=1, out=out, placement=placement)
                else:
                    run = run_plan(plan, (), workers=2, out=out)
                summary: dict[str, Any] = copy.deepcopy({**run.summary})
                requests = {step["name"]: step["requests"] for step in summary["steps"]}
                found.append(Made(block, place, run.verdict["status"] != "invalid", requests, summary))
            if min(valid(found, place) for place in range(len(BLOCK))) >= blocks:
                break
    return found


def valid(runs: Sequence[Made], place: int) -> int:
    """How many of the runs at a place were valid."""
    return sum(run.is_valid and run.place == place for run in runs)


def judged(runs: Sequence[Made]) -> list[Found]:
    """Nodes against processes, and of processes the last of blocks against the first."""
    last = len(BLOCK) - 1
    pairs: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
        "nodes / processes": ((0, last), (1, 2)),
        "processes, last / first": ((0,), (last,)),
    }
    return [found for name, (before, after) in pairs.items() for found in _compared(name, runs, before, after)]


def _compared(name: str, runs: Sequence[Made], before: Sequence[int], after: Sequence[int]) -> list[Found]:
    chosen = [[run.summary for run in runs if run.is_valid and run.place in at] for at in (before, after)]
    sides = [Side(name, [Compared(str(each["run_id"]), each) for each in summaries]) for summaries in chosen]
    if min(len(side.runs) for side in sides) < LEAST_RUNS:
        return [Found(name, metric, "-", "-", "-", "-", "-", OPEN) for metric in METRICS]
    return [_told(name, change) for change in compare(sides[0], sides[1], named(METRICS)).judged]


def _told(name: str, change: Change) -> Found:
    metric = change.metric
    before, after = (quantity(metric, each) for each in change.medians)
    told = f"{amount(change)} {between(change)}"
    return Found(name, metric.name, before, after, told, counts_from(metric), chance(change) or "-", word(change))


def word(change: Change) -> str:
    """What a change comes to: nothing that counts, one that does, or neither is known."""
    if change.word is not Word.NO_EVIDENCE:
        return DIFFERS
    if change.low is None or change.high is None:
        return OPEN
    return SAME if -change.metric.least < change.low and change.high < change.metric.least else OPEN


def page(runs: Sequence[Made], found: Sequence[Found], seconds: float) -> str:
    """The section of the page of results."""
    columns = ["compared", "metric", "before", "after", "change", "counts from", "p", "found"]
    rows = [
        [each.compared, each.metric, each.before, each.after, each.change, each.counts, each.p, each.word]
        for each in found
    ]
    last = len(BLOCK) - 1
    here, there = valid(runs, 0) + valid(runs, last), valid(runs, 1) + valid(runs, 2)
    about = (
        f"{len(runs) // len(BLOCK)} blocks of four runs of {seconds:g} s, on two processes, two nodes, two nodes, two "
        "processes: 100 arrivals/s against a target that takes 20 ms, one seed. Runs with other requests or choices "
        f"than the first: {differing(runs)} of {len(runs)}. Valid, and so compared: {here} of {len(runs) // 2} on "
        f"processes, {there} of {len(runs) // 2} on nodes."
    )
    return f"## Parity\n\n{about}\n\n{results.Table(columns, rows).markdown()}"


def differing(runs: Sequence[Made]) -> int:
    """Runs, valid or not, whose requests or choices were others than those of the first."""
    return sum(run.requests != runs[0].requests for run in runs)


def _come_first() -> None:
    """Have this process and all that it starts run before what else the machine does, where this user may.

    A nice value would count within its own session only, where the kernel groups processes by session.
    """
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def main() -> int:
    """Keep what was found; 1 if nodes do other things than processes do, or if it is not known whether they do."""
    parser = argparse.ArgumentParser(prog="python -m benches.parity", description=__doc__)
    parser.add_argument("--blocks", type=int, default=10, help="valid runs at each place of a block")
    parser.add_argument("--most", type=int, default=30, help="blocks at the most")
    parser.add_argument("--seconds", type=float, default=3)
    arguments = parser.parse_args()
    _come_first()
    runs = made(arguments.blocks, arguments.most, arguments.seconds)
    found = judged(runs)
    kept = [{key: value for key, value in asdict(run).items() if key != "summary"} for run in runs]
    results.keep("parity", kept, page(runs, found, arguments.seconds))
    of_nodes, of_machine = found[: len(METRICS)], found[len(METRICS) :]
    if undecided := [each.metric for each in of_nodes if each.word == OPEN]:
        print(f"the machine is too busy to know of {', '.join(undecided)}: repeat with more --blocks", file=sys.stderr)
    differ = [one.metric for one, other in zip(of_nodes, of_machine, strict=True) if one.word == DIFFERS != other.word]
    return int(bool(undecided) or bool(differ) or differing(runs) > 0)


if __name__ == "__main__":
    raise SystemExit(main())

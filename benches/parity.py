"""Whether two nodes do what two processes do: `python -m benches.parity [--rounds N] [--seconds S]`.

Runs of one plan, by turns: two processes, two nodes on loopback, two again. Requests
and choices must be equal in all of them. Times are judged as `loadcore compare` judges them, nodes against processes,
and processes against processes beside that: what differs there as well is the machine's doing.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import loadcore
from benches import results
from benches.comparing import slow_target
from loadcore.cluster.placement import Cluster, connected
from loadcore.comparison.compare import compare
from loadcore.comparison.metrics import named
from loadcore.comparison.sides import Compared, Side
from loadcore.compiler import Options, compile_run
from loadcore.processes.launch import run_plan
from tests.integration.clusters import cluster_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.plan.plan import Plan
    from loadcore.results.open.run import Run

TOO_FEW = "too few valid runs"
WAYS = ("two processes", "two nodes", "two processes again")


@dataclass(frozen=True)
class Found:
    """How runs of one way compare with those of the first.

    Attributes:
        way: How they were run.
        valid: How many of them were valid; others are left out, as `compare` does.
        differing: Runs, valid or not, whose requests or choices were others than those of the first run.
        median_ms: The median of their median response times.
        word: What `compare` says of their times.
    """

    way: str
    valid: int
    differing: int
    median_ms: float
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


def made(rounds: int, seconds: float) -> dict[str, list[Run]]:
    """The runs of each way."""
    found: dict[str, list[Run]] = {way: [] for way in WAYS}
    kept = Path(tempfile.mkdtemp(prefix="parity-"))
    with slow_target() as url, cluster_of(2, kept / "cluster") as cluster:
        plan = plan_of(url, seconds)
        for number in range(rounds):
            for way in WAYS if number % 2 == 0 else WAYS[::-1]:
                out = kept / f"{number} {way}"
                if way == "two nodes":
                    with connected(Cluster(cluster.address, Path(), nodes=2)) as placement:
                        run = run_plan(plan, (), workers=1, out=out, placement=placement)
                else:
                    run = run_plan(plan, (), workers=2, out=out)
                found[way].append(run)
    return found


def counted(summary: Mapping[str, Any]) -> dict[str, int]:
    """The requests of each step: what the choices come to."""
    return {step["name"]: step["requests"] for step in summary["steps"]}


def side(label: str, runs: Sequence[Run]) -> Side:
    """The valid ones of some runs."""
    valid = [copy.deepcopy({**run.summary}) for run in runs if run.verdict["status"] != "invalid"]
    return Side(label, [Compared(str(each["run_id"]), each) for each in valid])


def judged(runs: Mapping[str, Sequence[Run]]) -> list[Found]:
    """Each way compared with the first."""
    sides = {way: side(way, runs[way]) for way in WAYS}
    first = counted(runs[WAYS[0]][0].summary)
    found = []
    for way in WAYS:
        of_way = sides[way].runs
        medians = sorted(each.summary["all"]["response"]["p50_ns"] / 1e6 for each in of_way)
        said = "-"
        if way != WAYS[0]:
            against = compare(sides[WAYS[0]], sides[way], named(()))
            said = str(against.word.value) if against.is_possible else TOO_FEW
        differing = sum(counted(run.summary) != first for run in runs[way])
        found.append(Found(way, len(of_way), differing, medians[len(medians) // 2] if medians else float("nan"), said))
    return found


def page(found: Sequence[Found], rounds: int, seconds: float) -> str:
    """The section of the page of results."""
    rows = [
        [
            each.way,
            f"{each.valid} of {rounds}",
            str(each.differing),
            f"{each.median_ms:.2f} ms" if each.valid else "-",
            each.word,
        ]
        for each in found
    ]
    columns = [
        "run on",
        "valid runs",
        "with other requests or choices",
        "median response time",
        "compared with the first",
    ]
    about = (
        f"{rounds} runs each of {seconds:g} s, by turns: 100 arrivals/s against a target that takes 20 ms, one seed. "
        "Invalid runs are left out of the comparison."
    )
    return f"## Parity\n\n{about}\n\n{results.Table(columns, rows).markdown()}"


def main() -> int:
    """Keep what was found; 1 if nodes do other things than processes do, or if too few runs were valid to know."""
    parser = argparse.ArgumentParser(prog="python -m benches.parity", description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3)
    arguments = parser.parse_args()
    found = judged(made(arguments.rounds, arguments.seconds))
    results.keep("parity", [asdict(each) for each in found], page(found, arguments.rounds, arguments.seconds))
    _, nodes, again = found
    if TOO_FEW in {nodes.word, again.word}:
        print("the machine is too busy: too few runs were valid", file=sys.stderr)
        return 1
    return int(any(each.differing for each in found) or nodes.word != again.word)


if __name__ == "__main__":
    raise SystemExit(main())

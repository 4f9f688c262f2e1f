"""When the first requests of arrivals were sent, from the rows: what the law of arrivals is judged by."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pyarrow.compute as pc

from loadcore.judge import arrival_law
from loadcore.results.reader import DAMAGE, stream
from loadcore.results.sum.tally import MAIN
from loadcore.results.write.plain_arrays import is_word, number

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from loadcore.judge.finding import Finding
    from loadcore.results.run_facts import RunStart
    from loadcore.results.run_folder import RunFolder
    from loadcore.results.sum.tally import Tally

_COLUMNS: Final = (
    "offset_ns",
    "lag_ns",
    "dns_ns",
    "connect_ns",
    "tls_ns",
    "scenario",
    "step",
    "attempts",
    "user",
    "iteration",
)
_LEAST_GAP_NS: Final = 1_000_000
"""Denser arrivals are thinned, which leaves a Poisson process what it is: the length of a turn is not a fault."""
_NS: Final = 1_000_000_000


def findings(folder: RunFolder, start: RunStart, whole: Tally, changed: Collection[str] = ()) -> list[Finding]:
    """What is wrong with the gaps between arrivals, for each scenario whose plan has a law for them.

    `changed` are the scenarios whose load was changed: their arrivals have no one law.
    """
    found = []
    for info in start.description.scenarios:
        load = {} if info.name in changed else start.loads.get(info.name, {})
        if _is_judged(info.name, load, start, whole) and info.planned_end_ns is not None:
            from_ns = max(start.warm_up_ns or 0, info.planned_end_ns - load["duration_ns"])
            try:
                sends = _sends(
                    folder.all_requests(), _first_step(start, info.name), from_ns, from_ns + _stretch_ns(load)
                )
            except DAMAGE:
                continue  # What the rows do not say any more, they do not say against the client.
            found += arrival_law.findings(info.name, [after - before for before, after in pairwise(_thin(sends, load))])
    return found


def _is_judged(name: str, load: dict[str, Any], start: RunStart, whole: Tally) -> bool:
    """Whether arrivals have a constant rate and a law, and each is sent when it is due, and not after a login."""
    if load.get("kind") != "arrival_rate" or load.get("arrivals") != "poisson":
        return False
    apart = any(step.scenario == name and step.section != MAIN for step in start.description.steps)
    scenario = whole.scenarios.get(name)
    return not apart and scenario is not None and not scenario.iterations_dropped


def _first_step(start: RunStart, scenario: str) -> tuple[str, str]:
    return next((step.scenario, step.name) for step in start.description.steps if step.scenario == scenario)


def _gap_ns(load: dict[str, Any]) -> float:
    rate = load["rate"]
    return float(rate["per_ns"] / rate["count"]) if rate["count"] else float(_NS)


def _stretch_ns(load: dict[str, Any]) -> int:
    """For how long arrivals are looked at: until there are enough of them."""
    return round(1.1 * arrival_law.MOST_GAPS * max(_gap_ns(load), _LEAST_GAP_NS))


def _thin(sends: Sequence[int], load: dict[str, Any]) -> list[int]:
    keep = _gap_ns(load) / _LEAST_GAP_NS
    if keep >= 1:
        return list(sends)
    draws = random.Random(len(sends))
    return [each for each in sends if draws.random() < keep]


def _sends(paths: Sequence[Path], step: tuple[str, str], from_ns: int, until_ns: int) -> list[int]:
    """When the first requests of iterations that were due in this stretch were sent, by all workers.

    The first step of the scenario is looked at. What it took to connect does not count.
    """
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for path in paths:
        for batch in stream(path, _COLUMNS):
            due = batch.column("offset_ns")
            wanted = pc.and_(pc.greater_equal(due, number(from_ns)), pc.less(due, number(until_ns)))
            wanted = pc.and_(wanted, pc.greater(batch.column("attempts"), number(0)))
            wanted = pc.and_(
                wanted, pc.and_(is_word(batch.column("scenario"), step[0]), is_word(batch.column("step"), step[1]))
            )
            for row in batch.filter(wanted).to_pylist():
                key = (row["user"], row["iteration"])
                first[key] = min(first.get(key, (row["offset_ns"], _sent_ns(row))), (row["offset_ns"], _sent_ns(row)))
            # Rows come in the order of their ends: where all are due later, those to come are, too.
            if batch.num_rows and pc.min(due).as_py() >= until_ns:
                break
    return sorted(sent for _, sent in first.values())


def _sent_ns(row: dict[str, Any]) -> int:
    connecting = sum(row[name] or 0 for name in ("dns_ns", "connect_ns", "tls_ns"))
    return int(row["offset_ns"] + max(0, row["lag_ns"] - connecting))

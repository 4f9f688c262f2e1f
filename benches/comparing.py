"""How often `compare` cries wolf, and how often it finds a change, with real runs: `python -m benches.comparing`.

It makes runs of one scenario against one target, with nothing changed between them, and draws two sets of five from
them, again and again. Whatever is called different is a false alarm. Then the median of one of the sets is raised by
half, which must be found.
"""

from __future__ import annotations

import argparse
import copy
import random
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import loadcore
from benches import results
from benches.targets.waiting import waiting_target
from loadcore.comparison.compare import compare
from loadcore.comparison.metrics import named
from loadcore.comparison.sides import Compared, Side
from loadcore.judge.comparing.change import LEAST_RUNS, Word

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPARISONS = 24
MOST_ALARMS = 3
LEAST_FOUND = 0.9


def made(count: int, seconds: float) -> tuple[list[dict[str, Any]], int]:
    """The summaries of valid runs of the same thing, and how many invalid ones were left out, as `compare` does.

    On a machine that is too busy they are fewer: at most twice as many runs are made.
    """
    found: list[dict[str, Any]] = []
    invalid = 0
    with waiting_target() as url, tempfile.TemporaryDirectory() as folder:
        scenario = loadcore.Scenario(
            "same",
            base_url=url,
            load=loadcore.arrival_rate("100/s", duration=f"{seconds}s", max_users=50),
            steps=[loadcore.get("/")],
        )
        for number in range(2 * count):
            run = loadcore.run(scenario, workers=1, out=Path(folder) / str(number))
            if run.verdict["status"] == "invalid":
                invalid += 1
            else:
                found.append(copy.deepcopy({**run.summary}))
            if len(found) == count:
                break
    return found, invalid


def raised(summary: dict[str, Any], factor: float) -> dict[str, Any]:
    """The run with another median of response times."""
    changed = copy.deepcopy(summary)
    changed["all"]["response"]["p50_ns"] = round(factor * changed["all"]["response"]["p50_ns"])
    return changed


def words(summaries: Sequence[dict[str, Any]], comparisons: int, factor: float, draws: random.Random) -> Counter[Word]:
    """The words for pairs of sets that are drawn from these runs, the second with its median raised."""
    said: Counter[Word] = Counter()
    for _ in range(comparisons):
        drawn = draws.sample(summaries, 2 * LEAST_RUNS)
        after = drawn[LEAST_RUNS:] if factor == 1 else [raised(each, factor) for each in drawn[LEAST_RUNS:]]
        sides = [
            Side(label, [Compared(str(each["run_id"]), each) for each in side])
            for label, side in (("A", drawn[:LEAST_RUNS]), ("B", after))
        ]
        said[compare(sides[0], sides[1], named(())).word] += 1
    return said


@dataclass(frozen=True)
class Judged:
    """How pairs of sets that were drawn from the same runs were judged.

    Attributes:
        change: Of the second set's median, on purpose.
        comparisons: How many pairs.
        called: How many of them were called `slower` or `faster`; of a change on purpose, `slower`.
    """

    change: str
    comparisons: int
    called: int


def page(found: Sequence[Judged], runs: int, seconds: float, invalid: int) -> str:
    """The section of the page of results."""
    rows = [
        [each.change, f"{each.comparisons:,}", f"{each.called:,}", f"{each.called / each.comparisons:.1%}"]
        for each in found
    ]
    table = results.Table(["the second five", "comparisons of 5 + 5", "called different", ""], rows)
    about = (
        f"{runs} runs of {seconds:g} s, 100 requests/s to a target that takes 20 ms; {invalid} more were invalid, and "
        "are left out. Sets of five are drawn from the others, so that comparisons share runs."
    )
    return f"## Comparing\n\n{about}\n\n{table.markdown()}"


def main() -> int:
    """Keep how they were judged; 1 if there are too many alarms, or too few finds."""
    parser = argparse.ArgumentParser(prog="python -m benches.comparing", description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=2)
    arguments = parser.parse_args()
    summaries, invalid = made(arguments.runs, arguments.seconds)
    if len(summaries) < 2 * LEAST_RUNS:
        print(f"the machine is too busy: {invalid} of {len(summaries) + invalid} runs were invalid", file=sys.stderr)
        return 1
    draws = random.Random(1)
    equal, many = (words(summaries, count, 1, draws) for count in (COMPARISONS, 20 * COMPARISONS))
    slower = words(summaries, 10 * COMPARISONS, 1.5, draws)
    found = [
        *(Judged("equal", said.total(), said.total() - said[Word.NO_EVIDENCE]) for said in (equal, many)),
        Judged("median up by half", slower.total(), slower[Word.SLOWER]),
    ]
    told = page(found, len(summaries), arguments.seconds, invalid)
    results.keep("comparing", [asdict(each) for each in found], told)
    few, _, raised_half = found
    return int(few.called > MOST_ALARMS or raised_half.called < LEAST_FOUND * raised_half.comparisons)


if __name__ == "__main__":
    raise SystemExit(main())

"""Runs the matrix, or some of it: `python -m tests.verdict [SITUATION …] [--seed N …]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.verdict import recorded, running, table
from tests.verdict.matrix import situations
from tests.verdict.scoring import findings, score

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEEDS = (1, 2, 3)
_ALIKE_RUNS = 20


def main() -> int:
    """Run, print and, if asked, write down. 1 if anything is wrong."""
    options = _options()
    if options.list:
        for situation in situations(options.seed[0] if options.seed else 1).values():
            _say(f"{situation.key:15} {situation.title}")
        return 0
    rows = []
    _say(table.HEADER)
    with tempfile.TemporaryDirectory(prefix="verdict-") as scratch:
        for key, seed in _plan(options):
            situation = situations(seed)[key]
            if reason := running.why_not(situation):
                _say(f"{key:15} skipped: {reason}")
                continue
            folder = (options.keep or Path(scratch)) / f"{key}-{seed}"
            observed = running.run(situation, seed, folder)
            rows.append(table.Row(situation, seed, observed, score(situation, observed)))
            _say(table.line(rows[-1]))
            if options.verbose:
                _tell(observed)
            if options.record and observed.summary:
                recorded.write(situation, seed, observed, folder / "run")
    _say(table.summary_of(rows))
    if options.json:
        options.json.write_text(json.dumps(table.document(rows), indent=2) + "\n", encoding="utf-8")
    return int(not all(row.score.is_right for row in rows))


def _plan(options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """What is run: with nothing asked for, all at three seeds, and the A/A runs at twenty."""
    for key in options.situations or situations(1):
        alike = key == table.ALIKE and not options.situations and not options.seed
        for seed in options.seed or (range(1, _ALIKE_RUNS + 1) if alike else _SEEDS):
            yield key, seed


def _tell(observed: running.Observed) -> None:
    """What a run said, to look at."""
    for finding in findings(observed):
        _say(f"    {finding['subject']} · {finding['severity']} · {finding['rule']}: {finding['message']}")
        _say(f"        {finding['advice']}")
    for reason in observed.summary.get("verdict", {}).get("reasons", ()):
        _say(f"    verdict: {reason}")
    if not observed.summary:
        _say(observed.text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.verdict", description=__doc__)
    parser.add_argument("situations", nargs="*", metavar="SITUATION", help="all by default")
    parser.add_argument("--seed", type=int, nargs="+", help="1, 2 and 3 by default")
    parser.add_argument("--list", action="store_true", help="list the situations")
    parser.add_argument("--verbose", action="store_true", help="tell what each run said")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep runs, logs and what was printed")
    parser.add_argument("--record", action="store_true", help="keep windows and truth as a case of the unit tests")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""Counts as gates: `python -m benches.counts` exits with 1 when a figure passes its limit.

Counts are nearly the same whatever else the machine does, so unlike times they can be held to a limit anywhere.
"""

from __future__ import annotations

import argparse
import sys

from benches import affinity, results, tools
from benches.counts import allocations, instructions, python_thread, syscalls
from benches.targets.nullsrv import nullsrv

PARTS = {
    "allocations": allocations.gates,
    "syscalls": syscalls.gates,
    "instructions": instructions.gates,
    "python": python_thread.gates,
}
USUAL = ("allocations", "syscalls", "instructions")
"""Those of Python are left out: they hold for the version they were measured with, and take minutes."""


def main() -> int:
    """Runs the parts asked for; 0 if all gates hold."""
    parser = argparse.ArgumentParser(prog="python -m benches.counts", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="all but python, unless some are named")
    parser.add_argument("--allow-missing", action="store_true", help="a missing tool leaves its gates out")
    arguments = parser.parse_args()
    failed = 0
    lines = []
    affinity.allow_many_files()
    with nullsrv() as target:
        for part in arguments.parts or USUAL:
            try:
                for gate in PARTS[part](target.url):
                    print(gate.line(), flush=True)
                    lines.append(gate.row())
                    failed += not gate.holds
            except tools.MissingToolError as missing:
                print(f"{'left out' if arguments.allow_missing else 'FAIL'} {part}: {missing}", flush=True)
                failed += not arguments.allow_missing
    table = results.Table(["per request", "figure", "limit", "with nginx"], lines)
    if not arguments.parts:
        results.keep("counts", [], f"## Counts\n\n{table.markdown()}")
    print(f"{failed} gates do not hold" if failed else "all gates hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

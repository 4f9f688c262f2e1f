"""Where the instructions of a request go: `python -m benches.counts.profile [static|templated|oauth2|cookies]`.

Two runs of different lengths are profiled, and the difference is shown for each function (with what the compiler put
into it) and for each source file (wherever its code was put).
"""

from __future__ import annotations

import argparse
import re
import subprocess
from collections import defaultdict
from typing import TYPE_CHECKING

from benches import affinity, tools
from benches.counts import cases, instructions
from benches.targets.nullsrv import nullsrv

if TYPE_CHECKING:
    from collections.abc import Mapping

CASES = {
    "static": cases.STATIC,
    "unique": cases.UNIQUE,
    "realistic": cases.REALISTIC,
    "shifting": cases.SHIFTING,
    "api": cases.API,
    "templated": cases.TEMPLATED,
    "oauth2": cases.OAUTH2,
    "cookies": cases.COOKIES,
}
SHORT, LONG = 5_000, 25_000

_LINE = re.compile(r"\s*([\d,]+) \(\s*[\d.]+%\)\s+([^:\s]\S*?):(?=\S)(.*?)(?: \[[^\]]*\])?$")
_LONG_PREFIX = re.compile(r"^.*/(registry/src/[^/]+/|library/|rust/loadcore-core/src/)")

Costs = dict[tuple[str, str], float]
"""Instructions by source file and function."""


def parse(annotated: str) -> Costs:
    """What `callgrind_annotate` prints, without the sum of all."""
    costs: Costs = defaultdict(float)
    for line in annotated.splitlines():
        found = _LINE.match(line)
        if found:
            costs[_LONG_PREFIX.sub("", found[2]), found[3]] += float(found[1].replace(",", ""))
    return costs


def cost(case: cases.Case, base_url: str, requests: int, *, rows: bool, inclusive: bool) -> Costs:
    """What one whole run costs, by place."""
    with instructions.profile(case, base_url, requests, rows=rows) as path:
        options = [f"--inclusive={'yes' if inclusive else 'no'}", "--tree=none", "--auto=no", "--threshold=100"]
        command = [tools.find("callgrind_annotate"), *options, str(path)]
        return parse(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def per_request(case: cases.Case, base_url: str, *, rows: bool, inclusive: bool) -> dict[tuple[str, str], float]:
    """What one request costs, by place."""
    short, long = (cost(case, base_url, requests, rows=rows, inclusive=inclusive) for requests in (SHORT, LONG))
    return {place: (figure - short.get(place, 0)) / (LONG - SHORT) for place, figure in long.items()}


def largest(costs: Mapping[str, float], lines: int) -> str:
    """The largest of these as lines of text."""
    ordered = sorted(costs.items(), key=lambda pair: -pair[1])[:lines]
    return "\n".join(f"{figure:9.1f}  {name}" for name, figure in ordered)


def main() -> None:
    """Profiles one case."""
    parser = argparse.ArgumentParser(prog="python -m benches.counts.profile", description=__doc__)
    parser.add_argument("case", nargs="?", default="static", choices=CASES)
    parser.add_argument("--no-rows", action="store_true", help="without the row log")
    parser.add_argument("--lines", type=int, default=30)
    arguments = parser.parse_args()
    affinity.allow_many_files()
    case, rows = CASES[arguments.case], not arguments.no_rows
    with nullsrv() as target:
        own = per_request(case, target.url, rows=rows, inclusive=False)
        with_callees = per_request(case, target.url, rows=rows, inclusive=True)
    print(f"all: {sum(own.values()):.0f} instructions per request")
    by_function, by_file, inclusive = defaultdict[str, float](float), defaultdict[str, float](float), dict[str, float]()
    for (file, function), figure in own.items():
        by_function[function] += figure
        by_file[file] += figure
    for (_, function), figure in with_callees.items():
        # A function that was inlined into others is listed under each file; the outermost has it all.
        inclusive[function] = max(figure, inclusive.get(function, 0))
    tables = {"self, by function": by_function, "self, by source file": by_file, "inclusive, by function": inclusive}
    for title, table in tables.items():
        print(f"\n{title}\n{largest(table, arguments.lines)}")


if __name__ == "__main__":
    main()

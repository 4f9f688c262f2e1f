"""`python -m benches.report_cases`: measures the cases, and writes `docs/reference/report-cases.md`.

In full it takes about half an hour; `--quick` takes two minutes, and prints its page instead of writing it.
"""

from __future__ import annotations

import argparse
import sys

from benches import results
from benches.build import ROOT
from benches.report_cases import page
from benches.report_cases.cases import (
    DEPLOYMENTS,
    QUICK,
    QUICK_DEPLOYMENTS,
    QUICK_USERS,
    USERS,
    Deployment,
    Durations,
)
from benches.report_cases.measuring import Case, deployed, measure
from target_api.deploy.packages import missing
from target_api.deploy.topology import read

PAGE = ROOT / "docs" / "reference" / "report-cases.md"
NAME = "report_cases"


def main() -> int:
    """Measures and writes; 1 if a case lost requests."""
    parser = argparse.ArgumentParser(prog="python -m benches.report_cases", description=__doc__)
    full = Durations()
    parser.add_argument("--quick", action="store_true", help="few cases, short; prints the page only")
    parser.add_argument("--users", type=int, nargs="+", metavar="N", help=f"default {' '.join(map(str, USERS))}")
    parser.add_argument("--ramp", type=int, metavar="S", help=f"seconds until all users are there ({full.ramp_s})")
    parser.add_argument("--settle", type=int, metavar="S", help=f"seconds after that ({full.settle_s})")
    parser.add_argument("--steady", type=int, metavar="S", help=f"seconds that are measured ({full.steady_s})")
    parser.add_argument("--write", action="store_true", help="writes the page also with --quick")
    parser.add_argument("--page-only", action="store_true", help="writes the page from what was measured last")
    arguments = parser.parse_args()
    if not arguments.page_only:
        usual = QUICK if arguments.quick else full
        durations = Durations(
            arguments.ramp or usual.ramp_s, arguments.settle or usual.settle_s, arguments.steady or usual.steady_s
        )
        users = tuple(arguments.users or (QUICK_USERS if arguments.quick else USERS))
        cases = _measure(users, QUICK_DEPLOYMENTS if arguments.quick else DEPLOYMENTS, durations)
        if not cases:
            return 1
        results.keep(NAME, [case.row() for case in cases], "")
    rows, machine = results.load(NAME)
    text = page.write(rows, machine)
    if arguments.quick and not arguments.write:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return int(any(row["success"] < 1 for row in rows))


def _measure(users: tuple[int, ...], deployments: tuple[Deployment, ...], durations: Durations) -> list[Case]:
    services = read()
    cases = []
    for deployment in deployments:
        lines = missing(services[name] for name in deployment.programs)
        if lines:
            print("\n".join([f"left out: {deployment.name}", *lines]), file=sys.stderr)
            continue
        for cached in (True, False):
            with deployed(deployment, cached=cached) as running:
                for count in users:
                    case = measure(running, deployment, count, durations, cached=cached)
                    cases.append(case)
                    print(
                        f"{deployment.name}, cache {'on' if cached else 'off'}, {count} users: {case.success:.2%}, "
                        f"{case.requests_per_s:.1f}/s ({case.expected_per_s:.1f}), p95 {case.p95_ms:.0f} ms, "
                        f"{case.bottleneck}",
                        flush=True,
                    )
    return cases


if __name__ == "__main__":
    sys.exit(main())

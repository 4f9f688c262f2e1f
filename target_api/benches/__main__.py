"""`python -m loadcore_target.benches`: measures the gateway, and writes `docs/reference/gateway-under-load.md`.

In full it takes under half an hour; `--quick` takes three minutes, and prints its page instead of writing it.
`--only` measures some parts again; the page has the others as they were measured last.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from benches import affinity, results
from benches.build import ROOT
from benches.peers.install import PACKAGES, install
from loadcore_target.benches import known, page, same_server
from loadcore_target.benches.cases import (
    CLIENT_DURATIONS,
    CLIENT_USERS,
    DEPLOYMENTS,
    QUICK,
    QUICK_CLIENT_DURATIONS,
    QUICK_CLIENT_USERS,
    QUICK_DEPLOYMENTS,
    QUICK_USERS,
    USERS,
    Deployment,
    Durations,
    fitting,
)
from loadcore_target.benches.client_programs import TOOLS
from loadcore_target.benches.measuring import Case, deployed, measure
from loadcore_target.deploy.packages import missing
from loadcore_target.deploy.topology import read

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = ROOT / "docs" / "reference" / "gateway-under-load.md"
NAMES = {"cases": "gateway_cases", "clients": "gateway_clients", "known": "gateway_known"}
"""The parts of the page, and under which name each is kept."""


def main() -> int:
    """Measures and writes; 1 if a case lost requests."""
    arguments = _arguments()
    affinity.allow_many_files()
    if arguments.install:
        for problem in filter(None, map(install, _wanted())):
            print(f"not installed: {problem}", file=sys.stderr)
    for part in () if arguments.page_only else arguments.only:
        rows = _measured(part, arguments)
        if not rows:
            return 1
        results.keep(NAMES[part], rows, "")
    parts = {part: results.load(name) for part, name in NAMES.items() if (results.FOLDER / f"{name}.arrow").exists()}
    text = page.write({part: rows for part, (rows, _) in parts.items()}, {part: on for part, (_, on) in parts.items()})
    if arguments.quick and not arguments.write:
        print(text)
    else:
        PAGE.write_text(text, encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return int(any(row["success"] < 1 for row in parts["cases"][0])) if "cases" in parts else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadcore_target.benches", description=__doc__)
    full = Durations()
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), help="default: all of them")
    parser.add_argument("--install", action="store_true", help="first get the other clients that are not there")
    parser.add_argument("--quick", action="store_true", help="few cases, short; prints the page only")
    parser.add_argument("--users", type=int, nargs="+", metavar="N", help=f"default {' '.join(map(str, USERS))}")
    parser.add_argument("--ramp", type=int, metavar="S", help=f"seconds until all users are there ({full.ramp_s})")
    parser.add_argument("--settle", type=int, metavar="S", help=f"seconds after that ({full.settle_s})")
    parser.add_argument("--steady", type=int, metavar="S", help=f"seconds that are measured ({full.steady_s})")
    parser.add_argument("--write", action="store_true", help="writes the page also with --quick")
    parser.add_argument("--page-only", action="store_true", help="writes the page from what was measured last")
    return parser.parse_args()


def _measured(part: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    quick = arguments.quick
    match part:
        case "cases":
            usual = QUICK if quick else Durations()
            durations = Durations(
                arguments.ramp or usual.ramp_s, arguments.settle or usual.settle_s, arguments.steady or usual.steady_s
            )
            users = tuple(arguments.users or (QUICK_USERS if quick else USERS))
            return [case.row() for case in _cases(users, QUICK_DEPLOYMENTS if quick else DEPLOYMENTS, durations)]
        case "clients":
            counts = tuple(arguments.users or (QUICK_CLIENT_USERS if quick else CLIENT_USERS))
            return _clients(counts, QUICK_CLIENT_DURATIONS if quick else CLIENT_DURATIONS)
        case _:
            return known.rows(quick=quick)


def _cases(users: Sequence[int], deployments: Sequence[Deployment], durations: Durations) -> list[Case]:
    services = read()
    cases = []
    for deployment in fitting(deployments):
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


def _clients(counts: Sequence[int], durations: Durations) -> list[dict[str, Any]]:
    rows = []
    for sight in same_server.measure(counts, durations.ramp_s, durations.steady_s):
        said, true = sight.reported, sight.true
        print(
            f"{sight.client}, {sight.users} users: says {said.requests} requests, mean {said.mean_ms:.1f} ms, "
            f"p95 {said.p95_ms:.0f}; true {true.requests}, {true.mean_ms:.1f}, {true.p95_ms:.0f}",
            flush=True,
        )
        rows.append(sight.row())
    return rows


def _wanted() -> list[Any]:
    """The packages of the other clients."""
    programs = {tool.program for tool in TOOLS}
    return [package for package in PACKAGES if package.program in programs]


if __name__ == "__main__":
    sys.exit(main())

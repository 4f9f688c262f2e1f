"""All benches, one after another, and the page of what they found: `python -m benches [NAME …] [--quick]`.

On two quiet cores this takes about three hours; `--quick` takes some minutes and is for trying the benches, not
the engine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benches import page

BENCHES: dict[str, tuple[list[str], list[str]]] = {
    "counts": ([], ["allocations", "syscalls"]),
    "cpu_per_request": (
        [],
        [
            "--rounds",
            "3",
            "--seconds",
            "1",
            "--servers",
            "nullsrv",
            "--connections",
            "64",
            "--answers",
            "constant",
            "unique",
        ],
    ),
    "peers": ([], ["--rounds", "2", "--connections", "64"]),
    "scripted": ([], ["--rounds", "2", "--seconds", "1", "--connections", "64"]),
    "login": ([], ["--rounds", "2"]),
    "startup": ([], ["--rounds", "3"]),
    "memory": ([], ["--users", "1000", "--rows", "300000"]),
    "locust_users": ([], ["--users", "500", "--seconds", "2"]),
    "saturation": ([], ["--seconds", "1"]),
    "recording": ([], ["--rounds", "3", "--seconds", "1", "--requests", "100000"]),
    "pacing": ([], ["--seconds", "3", "--rates", "1000", "--long", "0"]),
    "coordinated_omission": ([], ["--periods", "1"]),
    "fidelity": ([], ["--seconds", "2"]),
    "matrix": ([], ["--rounds", "3"]),
    "comparing": ([], ["--runs", "20", "--seconds", "1"]),
    "report_page": ([], ["--hours", "1"]),
    "live_page": ([], ["--rounds", "2", "--seconds", "2"]),
    "many_nodes": ([], ["--nodes", "40", "--seconds", "5"]),
    "parity": ([], ["--blocks", "5", "--most", "8", "--seconds", "1"]),
}
"""Their arguments, and those of the quick mode."""


def main() -> int:
    """Runs them; 1 if one of them says that a limit does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; all unless some are named")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHES)
    if unknown:
        parser.error(f"no bench is called {', '.join(sorted(unknown))}")
    failed = []
    for name in arguments.names or BENCHES:
        usual, quick = BENCHES[name]
        print(f"\n=== {name}", flush=True)
        command = [sys.executable, "-m", f"benches.{name}", *(quick if arguments.quick else usual)]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    page.main()
    print(f"limits that do not hold: {', '.join(failed)}" if failed else "all limits hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

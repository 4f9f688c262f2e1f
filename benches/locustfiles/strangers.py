"""Runs public Locust files with Locust and with loadcore, and compares what a scripted server got and what both say.

    python -m benches.locustfiles.strangers LIST MIRROR [--only REPOSITORY] [--seconds N] [--at-once N] [--keep FOLDER]

LIST is a table (TSV) with the columns `repo`, `path`, `commit` and `git_blob`; MIRROR holds `OWNER+NAME/repo`, git
directories with these files. Neither is part of the project. Needs root: each file runs in namespaces of its own, see
`sandbox`. Ends with 1 if a file differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benches.locustfiles import environment
from benches.locustfiles.compared import Comparison, compare

_ROOT = Path(__file__).parents[2]
_ISOLATED = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_LONGEST_S = 600


def main() -> int:
    """Run all and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("mirror", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="where what each file did is written")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("strangers' code runs in namespaces of its own, which needs root", file=sys.stderr)
        return 2
    with options.list.open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if re.search(options.only, row["repo"])]
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.mirror, options.seconds, environment.python(), options.keep)
    with ThreadPoolExecutor(options.at_once) as pool:
        found = list(pool.map(bench.one, rows))
    return _report(found)


@dataclass(frozen=True)
class Bench:
    """Runs one file after the other.

    Attributes:
        mirror: Where the repositories are.
        seconds: How long users run at most.
        python: The interpreter of the bench's environment.
        keep: Where results stay.
    """

    mirror: Path
    seconds: int
    python: str
    keep: Path | None

    def one(self, row: dict[str, str]) -> Comparison:
        """Bring a file, run it and compare."""
        compared = self._compared(row)
        print(compared.line(), flush=True)
        return compared

    def _compared(self, row: dict[str, str]) -> Comparison:
        name = f"{row['repo']}:{row['path']}"
        with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as temporary:
            folder = Path(temporary)
            folder.chmod(0o755)
            if not _bring(self.mirror / row["repo"].replace("/", "+") / "repo", row, folder / "tree"):
                return Comparison(name, unfit="the file is not in the mirror")
            case = {"path": row["path"], "seconds": self.seconds}
            (folder / "case.json").write_text(json.dumps(case), encoding="utf-8")
            command = [*_ISOLATED, self.python, "-m", "benches.locustfiles.sandbox", str(folder)]
            try:
                done = subprocess.run(
                    command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=_LONGEST_S
                )
            except subprocess.TimeoutExpired:
                return Comparison(name, unfit=f"not done in {_LONGEST_S} s")
            result = folder / "result.json"
            if not result.exists():
                return Comparison(name, unfit=f"the sandbox failed: {done.stderr.strip()[-300:]}")
            if self.keep is not None:
                shutil.copy(result, self.keep / f"{name.replace('/', '+')}.json")
            return compare(name, json.loads(result.read_text("utf-8")))


def _bring(git: Path, row: dict[str, str], tree: Path) -> bool:
    """The repository as it was when the file was listed."""
    if not git.exists():
        return False
    tree.mkdir()
    with subprocess.Popen(
        ["git", "-C", git, "archive", row["commit"]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as archive:
        subprocess.run(["tar", "-x", "-C", tree], stdin=archive.stdout, check=False, capture_output=True)
    blob = subprocess.run(["git", "-C", git, "cat-file", "blob", row["git_blob"]], capture_output=True, check=False)
    path = tree / row["path"]
    if blob.returncode == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob.stdout)
    return path.exists()


def _report(found: list[Comparison]) -> int:
    """The sum, and each difference."""
    fit = [each for each in found if each.unfit is None]
    same = [each for each in fit if not each.differences]
    left: dict[str, int] = {}
    for each in fit:
        for host, count in each.left.items():
            left[host] = left.get(host, 0) + count
    print()
    for each in fit:
        for difference in each.differences:
            print(f"{each.name}: {difference}")
    print(f"requests meant for other hosts, all kept in: {sum(left.values())}")
    for host, count in sorted(left.items()):
        print(f"  {count:6} {host}")
    print(f"{len(found) - len(fit)} of {len(found)} files do not run on Locust by themselves")
    print(f"{len(same)} of {len(fit)} files do the same with Locust and with loadcore")
    return int(len(same) < len(fit))


if __name__ == "__main__":
    sys.exit(main())

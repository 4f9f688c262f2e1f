"""Runs public Locust files with Locust and with loadcore, and compares what a scripted server got and what both say.

    python -m benches.locustfiles.strangers LIST MIRROR [--only REPOSITORY] [--seconds N] [--at-once N]

LIST is a table (TSV) with the columns `repo`, `path` and `git_blob`; MIRROR holds `OWNER+NAME/repo`, git directories
with these files. Neither is part of the project. Needs root: each file runs in namespaces of its own, see `sandbox`.
Ends with 1 if a file differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benches.locustfiles.compared import Comparison, compare

_ROOT = Path(__file__).parents[2]
_ISOLATED = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_LONGEST_S = 240


def main() -> int:
    """Run all and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("mirror", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--at-once", type=int, default=2)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("strangers' code runs in namespaces of its own, which needs root", file=sys.stderr)
        return 2
    with options.list.open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if options.only in row["repo"]]
    with ThreadPoolExecutor(options.at_once) as pool:
        found = list(pool.map(lambda row: _one(row, options.mirror, options.seconds), rows))
    return _report(found)


def _one(row: dict[str, str], mirror: Path, seconds: int) -> Comparison:
    name = f"{row['repo']}:{row['path']}"
    git = mirror / row["repo"].replace("/", "+") / "repo"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        if not _bring(git, row, folder / "tree"):
            return Comparison(name, unfit="the file is not in the mirror")
        (folder / "case.json").write_text(json.dumps({"path": row["path"], "seconds": seconds}), encoding="utf-8")
        command = [*_ISOLATED, sys.executable, "-m", "benches.locustfiles.sandbox", str(folder)]
        try:
            done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            return Comparison(name, unfit=f"not done in {_LONGEST_S} s")
        result = folder / "result.json"
        if not result.exists():
            return Comparison(name, unfit=f"the sandbox failed: {done.stderr.strip()[-300:]}")
        compared = compare(name, json.loads(result.read_text("utf-8")))
    print(compared.line(), flush=True)
    return compared


def _bring(git: Path, row: dict[str, str], tree: Path) -> bool:
    """The newest state of the file's folder, and the file as it was listed."""
    blob = subprocess.run(["git", "-C", git, "cat-file", "blob", row["git_blob"]], capture_output=True, check=False)
    if not git.exists() or blob.returncode:
        return False
    path = tree / row["path"]
    path.parent.mkdir(parents=True)
    parent = str(Path(row["path"]).parent)
    with subprocess.Popen(
        ["git", "-C", git, "archive", "HEAD", parent], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as archive:
        subprocess.run(["tar", "-x", "-C", tree], stdin=archive.stdout, check=False, capture_output=True)
    path.write_bytes(blob.stdout)
    return True


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

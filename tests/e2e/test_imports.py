"""What a run does not import: libraries that it has no use for and that would cost CPU while it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target

if TYPE_CHECKING:
    from pathlib import Path

LIBRARIES = {"numpy", "pandas", "psutil", "pyarrow", "pydantic", "rich", "typer"}
"""What the package depends on, and what that brings along."""


def test_run_never_imports_pandas(tmp_path: Path) -> None:
    """Where pyarrow would: in the supervisor as the run starts."""
    told = tmp_path / "told"
    stub = f"import pathlib, sys\npathlib.Path({str(told)!r}).write_text(sys.argv[0])\nraise ImportError\n"
    (folder := tmp_path / "packages").mkdir()
    (folder / "pandas.py").write_text(stub, encoding="utf-8")
    path = os.pathsep.join([str(folder), environment()["PYTHONPATH"]])
    with small_target() as url:
        done = loadcore(
            "bench", url, "-c", "1", "-z", "1500ms", "--no-strict-client",
            cwd=tmp_path, environ={"PYTHONPATH": path},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not told.exists(), f"imported by {told.read_text(encoding='utf-8')}"


def test_a_worker_imports_no_library(tmp_path: Path) -> None:
    """From its start to its sealed file: the engine encodes rows and windows, and plans are JSON."""
    with small_target() as url:
        done = loadcore(
            "bench", url, "-c", "1", "-z", "1500ms", "--no-strict-client", "--out", "run",
            cwd=tmp_path, environ={"PYTHONPROFILEIMPORTTIME": "1"},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    log = (tmp_path / "run" / "worker-0.log").read_text(encoding="utf-8")
    imported = {line.rpartition("|")[2].strip() for line in log.splitlines() if line.startswith("import time:")}
    assert "loadcore._core" in imported
    assert "loadcore.scenario" not in imported
    assert not {name.partition(".")[0] for name in imported} & LIBRARIES


def test_workers_start_before_pyarrow_is_imported() -> None:
    """Neither a command nor what launches a run imports it: the supervisor does, while its workers start."""
    modules = "loadcore.cli.bench, loadcore.cli.run, loadcore.processes.launch"
    code = f"import sys, {modules}; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=environment(), check=False).returncode == 0

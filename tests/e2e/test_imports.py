"""What a run does not import: libraries that it has no use for and that would cost CPU while it starts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.e2e.command import environment, loadcore
from tests.e2e.small_target import small_target

if TYPE_CHECKING:
    from pathlib import Path


def test_run_never_imports_pandas(tmp_path: Path) -> None:
    """Where pyarrow would: in the supervisor as the run starts, and in each worker at its first rows."""
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

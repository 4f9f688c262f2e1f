"""What the documentation shows passes a strict type checker, as its reader's own file must."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.docs.pages import PAGES, ROOT, blocks_of

if TYPE_CHECKING:
    from pathlib import Path

_BLOCKS = [
    block
    for page in PAGES
    for block in blocks_of(page)
    if block.language == "python" and "from loadcore import" in block.text and ">>>" not in block.text
]
_SETTINGS = """
[mypy]
strict = true
python_version = 3.11
# Neither has types of its own.
[mypy-pyarrow.*]
ignore_missing_imports = true
"""


def test_examples_pass_a_strict_type_checker(tmp_path: Path) -> None:
    """Every block that imports from loadcore, each as a file of its own."""
    (tmp_path / "mypy.ini").write_text(_SETTINGS, "utf-8")
    names = {}
    for number, block in enumerate(_BLOCKS):
        names[f"block_{number}.py"] = block.place
        (tmp_path / f"block_{number}.py").write_text(block.text, "utf-8")
    assert len(names) > 10

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", ROOT / ".mypy_cache/docs", *names],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        check=False,
    )

    told = done.stdout
    for name, place in names.items():
        told = told.replace(f"{name}:", f"{place}: ")
    assert done.returncode == 0, told + done.stderr

"""What a clone's environment is made of."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from building.environment import ROOT, missing_programs, requirements

if TYPE_CHECKING:
    from pathlib import Path


def test_the_demo_needs_no_package_of_tests() -> None:
    """What only tests and lints need is not installed for a demo."""
    demo, development = requirements("demo"), requirements("development")
    assert set(demo) < set(development)
    assert {"pytest", "duckdb", "mypy"} & set(demo) == set()
    assert any(line.startswith("fastapi") for line in demo)


@pytest.mark.parametrize(
    ("there", "said"), [(set(), "cargo is missing"), ({"cargo"}, "a C compiler is missing"), ({"cargo", "gcc"}, "")]
)
def test_a_missing_program_is_reported_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, there: set[str], said: str
) -> None:
    """Before anything is downloaded, in one line."""
    monkeypatch.setattr(shutil, "which", lambda name: name if name in there else None)
    lines = missing_programs()
    assert len(lines) == bool(said)
    assert all(line.startswith(said) and "install" in line for line in lines)


def test_make_demo_installs_what_the_demo_needs_and_make_test_the_rest() -> None:
    """The targets of the Makefile and the purposes of the environment are the same."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^demo: \$\(VENV\)/\.for-demo", makefile, re.MULTILINE)
    assert re.search(r"^setup: \$\(VENV\)/\.for-development", makefile, re.MULTILINE)
    assert "--for demo" in makefile
    assert re.search(r"^bench: \$\(VENV\)/\.for-benches", makefile, re.MULTILINE)
    assert "--profile release" in makefile


def test_it_runs_with_nothing_installed(tmp_path: Path) -> None:
    """The environment is made by a Python that has no package at all."""
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import building.environment",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

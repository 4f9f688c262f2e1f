"""Users in Python pass strict type checkers, and what is wrong in them is found while it is written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_USERS = ROOT / "tests/integration/users"
_WRONG = """from loadcore import Client, Scenario, get, think

async def shopper(c: Client) -> None:
    c.get("/x")
    c.think("1s")
    (await c.get("/x")).status_code
    await c.get("/x", query={})
    await get("/x")
    await think("1s")

def sync(c: Client) -> None: ...

Scenario("a", steps=sync)
"""
_LINES = [4, 5, 6, 7, 8, 9, 13]
"""Of what is wrong there."""


def test_mypy_finds_what_is_wrong(tmp_path: Path) -> None:
    """Each mistake by its line."""
    (tmp_path / "wrong.py").write_text(_WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", ROOT / ".mypy_cache/docs", "wrong.py"],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorted({int(line) for line in re.findall(r"^wrong.py:(\d+): error", done.stdout, re.MULTILINE)}) == _LINES


def test_pyright_passes_users_and_finds_what_is_wrong(tmp_path: Path) -> None:
    """In its strict mode; users pass mypy's with all other tests."""
    (tmp_path / "wrong.py").write_text(_WRONG)
    settings: dict[str, Any] = {
        "include": [str(_USERS), str(tmp_path)],
        "extraPaths": [str(ROOT / "python")],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "-p", tmp_path, "--outputjson"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] == 1 + len([*_USERS.glob("*.py")])
    told = {each["file"].rpartition("/")[2] for each in found["generalDiagnostics"]}
    assert told == {"wrong.py"}, found["generalDiagnostics"]
    lines = {each["range"]["start"]["line"] + 1 for each in found["generalDiagnostics"] if each["severity"] == "error"}
    assert sorted(lines) == _LINES

"""Runs the tests that import Locust, in a process of their own: Locust changes `socket`, `threading` and more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

INSIDE = Path(__file__).with_name("inside")
ROOT = Path(__file__).parents[2]
# Before anything that it changes, pytest's plug-ins among it.
FIRST = "import locust, sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"


def test_what_imports_locust_passes_in_a_process_of_its_own() -> None:
    """All tests of the folder, and at least as many as there are functions."""
    environment = {**os.environ, "LOADCORE_INSIDE": "1"}
    command = [sys.executable, "-c", FIRST, "-q", "-p", "no:cacheprovider", "-W", "default", str(INSIDE)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    written = sum(path.read_text("utf-8").count("\ndef test_") for path in INSIDE.glob("test_*.py"))
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) >= written > 0

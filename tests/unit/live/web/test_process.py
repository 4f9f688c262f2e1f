"""The process of a page gives way to the run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TELLING = """
import os
from pathlib import Path
from loadcore.live.web.process import give_way
give_way()
print(os.getpriority(os.PRIO_PROCESS, 0))
print(Path("/proc/self/autogroup").read_text().split()[-1])
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel shares cores out by thread")
def test_a_page_gives_way_where_sessions_share_the_cores() -> None:
    """Its session is one of its own: niceness within it says nothing to a kernel that shares the cores by session."""
    done = subprocess.run(
        [sys.executable, "-c", TELLING], capture_output=True, text=True, check=True, timeout=60, start_new_session=True
    )
    assert done.stdout.split() == ["19", "10"]

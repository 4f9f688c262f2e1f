"""The gateway beside the client on one machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from loadcore.cli import gateway
from loadcore.cli.gateway import Gateway


def test_a_gateway_gives_way_with_all_its_processes() -> None:
    """Each has a lower priority, and so has their session where the kernel shares cores out among sessions."""
    words = ["sh", "-c", "sleep 60 & echo $!; wait"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as main:
        try:
            child = int(main.stdout.readline()) if main.stdout else 0
            gateway.give_way(Gateway(main.pid, 0.0, "", "", ""))
            assert all(os.getpriority(os.PRIO_PROCESS, pid) >= gateway.NICENESS for pid in (main.pid, child))
            group = Path(f"/proc/{child}/autogroup")
            if group.exists():
                assert group.read_text("utf-8").split()[-1] == str(gateway.NICENESS)
        finally:
            os.killpg(main.pid, 9)


def test_a_gateway_that_is_gone_gives_way_to_all() -> None:
    """There is nothing to be done, and nothing to complain about."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    gateway.give_way(Gateway(ended.pid, 0.0, "", "", ""))

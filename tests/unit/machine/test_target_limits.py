"""Whether a target on this machine has what a load needs of it: a warning with the remedy, never a refusal."""

from __future__ import annotations

import os
import resource
from dataclasses import replace

import pytest

from loadcore.machine.host import open_files_of
from loadcore.machine.target_limits import Serving, look_as_target
from tests.unit.processes.roomy import ROOMY


def test_a_target_that_has_enough() -> None:
    """Each of the five limits is checked, and all are high enough."""
    assert [(finding.name, finding.ok) for finding in look_as_target(Serving(1000), ROOMY)] == [
        ("open files", True),
        ("accept queue", True),
        ("handshake queue", True),
        ("local ports", True),
    ]


@pytest.mark.parametrize(
    ("place", "changes", "remedy"),
    [
        (0, {"files_soft": 256}, "`ulimit -n 2064` before it is started, or `LimitNOFILE=2064`"),
        (1, {"somaxconn": 128}, "`sysctl -w net.core.somaxconn=1000`, and a server that requests as much"),
        (2, {"tcp_max_syn_backlog": 512}, "`sysctl -w net.ipv4.tcp_max_syn_backlog=1000`"),
        (3, {"port_high": 33_000}, "widen the range: `sysctl -w net.ipv4.ip_local_port_range='1024 65535'`"),
    ],
)
def test_what_is_too_small_is_said_with_what_mends_it(place: int, changes: dict[str, int], remedy: str) -> None:
    """One limit at a time is too small for 1,000 users: that one, and no other, has a remedy that is enough."""
    findings = look_as_target(Serving(1000), replace(ROOMY, **changes))
    assert [finding.ok for finding in findings] == [number != place for number in range(4)]
    assert remedy in (findings[place].remedy or "")


def test_reuse_mends_ports_of_a_target_that_opens_connections() -> None:
    """1,000 new connections a second to another service, each port taken for a minute, are too many without reuse."""
    load = Serving(100, 1000.0)
    ports = look_as_target(load, ROOMY)[3]
    assert (ports.ok, ports.needed) == (False, 100 + 60 * 1000)
    assert "`sysctl -w net.ipv4.tcp_tw_reuse=1`" in (ports.remedy or "")
    assert look_as_target(load, replace(ROOMY, tcp_tw_reuse=1))[3].ok


def test_queues_hold_what_comes_in_a_busy_second() -> None:
    """Few users with many new connections need as much room as many users that connect at once."""
    assert look_as_target(Serving(10, 5000.0), ROOMY)[1].needed == 5000


def test_a_target_that_runs_has_its_own_limit() -> None:
    """Its soft limit is read from the kernel, and the remedy is one for a process that runs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert open_files_of(os.getpid()) == soft
    files = look_as_target(Serving(1000, pid=4711, open_files=1024), ROOMY)[0]
    assert (files.ok, files.have) == (False, 1024)
    assert "`prlimit --pid 4711 --nofile=2064`" in (files.remedy or "")


def test_limits_that_are_not_known_are_no_fault() -> None:
    """Where the kernel does not say, nothing is claimed; nor of a process that is not there."""
    unknown = replace(ROOMY, somaxconn=None, tcp_max_syn_backlog=None, port_low=None)
    assert all(finding.ok for finding in look_as_target(Serving(10_000), replace(unknown, files_soft=50_000)))
    assert open_files_of(2**22 + 1) is None

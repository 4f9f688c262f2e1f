"""Whether a run fits this machine, known before the first request."""

from __future__ import annotations

import resource
from dataclasses import replace

import pytest

from loadcore.errors import ExitCode, LimitsError
from loadcore.machine import client_limits
from loadcore.machine.client_limits import Finding, Needs
from loadcore.machine.file_limit import raise_file_limit
from loadcore.machine.host import Limits, read_limits
from tests.unit.processes.roomy import ROOMY


def finding_of(name: str, needs: Needs, limits: Limits) -> Finding:
    """The finding of that name."""
    (found,) = [finding for finding in client_limits.look(needs, limits) if finding.name == name]
    return found


NARROW = replace(ROOMY, files_soft=256, files_hard=256)


def test_a_run_that_fits_is_not_refused() -> None:
    """Every limit is checked, and all are high enough."""
    findings = client_limits.require(Needs((500, 500)), ROOMY)

    assert [(finding.name, finding.ok) for finding in findings] == [
        ("workers", True),
        ("open files", True),
        ("local ports", True),
        ("memory", True),
        ("processes", True),
    ]


def test_1000_users_on_256_descriptors_are_refused_with_the_remedy() -> None:
    """The failure this project was born from: reported before the first request, with the remedy."""
    with pytest.raises(LimitsError) as caught:
        client_limits.require(Needs((1000,)), NARROW)

    assert caught.value.exit_code == ExitCode.CONFIG
    (problem,) = caught.value.problems
    assert problem.message == "open files: a worker needs 1,064, the limit is 256 (soft and hard)"
    assert problem.hint is not None
    assert "`ulimit -Hn 1064 && ulimit -n 1064`" in problem.hint
    assert "`--workers 6`" in problem.hint


def test_the_remedy_works() -> None:
    """The number of workers that is advised is enough, and one less is not."""
    for workers, fits in ((6, True), (5, False)):
        shares = tuple(1000 // workers + (worker < 1000 % workers) for worker in range(workers))
        assert finding_of("open files", Needs(shares), NARROW).ok is fits


def test_the_supervisor_needs_descriptors_too() -> None:
    """Many workers with few connections are refused where the supervisor itself would run out."""
    files = finding_of("open files", Needs((1,) * 60), NARROW)

    assert not files.ok
    assert files.needed == 32 + 4 * 60


def test_ports_are_shared_by_all_workers() -> None:
    """Workers of one machine draw from one range."""
    ports = finding_of("local ports", Needs((15_000, 15_000)), replace(ROOMY, files_hard=100_000))

    assert (ports.ok, ports.needed, ports.have) == (False, 30_000, 28_232)
    assert ports.remedy is not None
    assert "net.ipv4.ip_local_port_range" in ports.remedy


PORTS = replace(ROOMY, files_hard=1_000_000)


@pytest.mark.parametrize(
    ("needs", "said", "unsaid"),
    [
        (Needs((30_000,)), "widen the range: `sysctl", "tcp_tw_reuse"),
        (Needs((70_000,)), "over 2 target addresses or 2 machines", "tcp_tw_reuse"),
        (
            Needs((100,), 1_000),
            "ports of closed connections after 1 s: `sysctl -w net.ipv4.tcp_tw_reuse=1`; or keep",
            "machines",
        ),
        (Needs((30_000,), 1_000), "widen the range and reuse", "keep connections open"),
        (Needs((100,), 40_000), "keep connections open", "machines"),
    ],
)
def test_the_remedy_for_ports_suffices(needs: Needs, said: str, unsaid: str) -> None:
    """What is proposed is enough: no wider range than there is, and reuse only for ports of closed connections."""
    ports = finding_of("local ports", needs, PORTS)

    assert not ports.ok
    assert said in (ports.remedy or "")
    assert unsaid not in (ports.remedy or "")


def test_a_short_run_needs_the_ports_of_its_own_connections() -> None:
    """Four seconds at 500/s open 2,000 connections, and not those of a minute."""
    short = Needs((500,), 500.0, opened_in_all=2_000)

    assert finding_of("local ports", short, PORTS).ok
    assert finding_of("local ports", short, PORTS).needed == 2_000
    assert not finding_of("local ports", replace(short, opened_in_all=60_000), PORTS).ok
    assert not finding_of("local ports", short, replace(PORTS, port_low=50_000, port_high=50_499)).ok


def test_the_remedy_names_max_users_where_that_is_a_bound() -> None:
    """Users of a closed model are what was asked for; those of an open one may be fewer."""
    for needs, named in ((Needs((1000,), may_allow_fewer=True), True), (Needs((1000,)), False)):
        assert ("`--max-users`" in (finding_of("open files", needs, NARROW).remedy or "")) is named


def test_pressure_is_a_whole_percentage() -> None:
    """Its decimals would not help."""
    (_, pressure, *_) = client_limits.look_at_machine(replace(ROOMY, cpu_pressure=93.48))

    assert "in 93 % of the last 10 s" in pressure.message


@pytest.mark.parametrize(
    ("reuse", "loopback", "fits"), [(0, False, False), (2, False, False), (2, True, True), (1, False, True)]
)
def test_closed_connections_keep_their_ports_for_a_minute(reuse: int, loopback: bool, fits: bool) -> None:
    """500 connections a second need 30,000 ports, unless the kernel gives them out again."""
    ports = finding_of("local ports", Needs((10,), 500.0, loopback), replace(ROOMY, tcp_tw_reuse=reuse))

    assert ports.ok is fits


def test_memory_is_looked_at() -> None:
    """A plan larger than what is free is refused."""
    memory = finding_of("memory", Needs((10_000,)), replace(ROOMY, memory_bytes=100 << 20))

    assert not memory.ok
    assert memory.remedy is not None


def test_bodies_that_are_kept_are_counted() -> None:
    """Four users that may keep 200 MB each do not fit into 600 MB, and the remedy is theirs."""
    memory = finding_of("memory", Needs((4,), kept_bodies=800_000_000), replace(ROOMY, memory_bytes=600_000_000))

    assert not memory.ok
    assert "(762 MiB of it for bodies that checks and extracts read)" in memory.message
    assert "Limits(kept_body=…)" in str(memory.remedy)
    assert finding_of("memory", Needs((4,), kept_bodies=1 << 20), replace(ROOMY, memory_bytes=600_000_000)).ok


def test_limits_that_are_not_known_refuse_nothing() -> None:
    """Where the kernel does not say, the run is tried."""
    unknown = replace(ROOMY, port_low=None, memory_bytes=None, processes=None)

    assert all(finding.ok for finding in client_limits.look(Needs((10,), 1e6), unknown))


def test_all_problems_are_told_at_once() -> None:
    """A run that fails in three ways says all three."""
    with pytest.raises(LimitsError) as caught:
        client_limits.require(Needs((40_000,)), replace(NARROW, memory_bytes=1 << 20))

    names = [problem.message.split(":")[0] for problem in caught.value.problems]
    assert names == ["open files", "local ports", "memory"]


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    """Raising needs no rights, and nothing undoes it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(200, hard), hard))
    try:
        assert raise_file_limit() == (hard, hard)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("cores", "users", "workers"), [(4.0, 1000, 4), (2.9, 1000, 2), (0.5, 1000, 1), (8.0, 3, 3)])
def test_a_worker_for_each_core_but_none_without_users(
    monkeypatch: pytest.MonkeyPatch, cores: float, users: int, workers: int
) -> None:
    """Whole cores that may be used, at least one worker, and none that would be idle."""
    monkeypatch.setattr(client_limits, "allowed_cores", lambda: cores)

    assert client_limits.default_workers(users) == workers


def test_the_machine_is_described_for_doctor() -> None:
    """What does not depend on the run is listed as well, and pressure from others is a finding."""
    names = [finding.name for finding in client_limits.look_at_machine(read_limits())]

    assert names == ["cores", "cpu pressure", "port settings"]
    (_, pressure, settings) = client_limits.look_at_machine(replace(ROOMY, cpu_pressure=95.6))
    assert settings.message == "net.ipv4.ip_local_port_range = 32768 60999, net.ipv4.tcp_tw_reuse = 2"
    assert not pressure.ok


@pytest.mark.parametrize("workers", [17, 40, 10_000, 10**11])
def test_more_workers_than_cores_can_run_are_refused_with_the_number_that_fits(workers: int) -> None:
    """Four cores run sixteen workers; a number that is out of all reason costs no memory either."""
    with pytest.raises(LimitsError) as caught:
        client_limits.require_workers(workers, ROOMY)

    (problem,) = caught.value.problems
    assert f"{workers:,} on 4 cores" in problem.message
    assert "`--workers 16`" in str(problem.hint)
    client_limits.require_workers(16, ROOMY)


@pytest.mark.parametrize(
    ("limits", "name", "fits"),
    [
        (replace(ROOMY, memory_bytes=5 * client_limits.WORKER_BYTES), "memory", 5),
        (replace(ROOMY, files_soft=64, files_hard=64), "open files", 8),
        (replace(ROOMY, processes=40), "processes and threads", 3),
        (replace(ROOMY, cores=0.5), "workers", 4),
    ],
)
def test_the_limit_that_is_least_decides_how_many_workers_fit(limits: Limits, name: str, fits: int) -> None:
    """One worker more than that is refused by name, and the number that is advised passes."""
    with pytest.raises(LimitsError) as caught:
        client_limits.require_workers(fits + 1, limits)

    (problem,) = caught.value.problems
    assert problem.message.startswith(name)
    assert f"`--workers {fits}`" in str(problem.hint)
    client_limits.require_workers(fits, limits)


def test_a_machine_that_carries_no_worker_is_told_so() -> None:
    """No number of workers is advised where none fits."""
    with pytest.raises(LimitsError) as caught:
        client_limits.require_workers(1, replace(ROOMY, memory_bytes=1 << 20))

    (problem,) = caught.value.problems
    assert "--workers" not in str(problem.hint)

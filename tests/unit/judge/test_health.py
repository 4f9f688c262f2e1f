"""The rules by which the client is called the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loadcore.judge.health import ClientHealth, Counted
from loadcore.judge.seconds import WorkerSecond

if TYPE_CHECKING:
    from loadcore.judge.finding import Finding

MS = 1_000_000


def reasons(seconds: list[WorkerSecond], counted: Counted | None = None) -> list[Finding]:
    """The findings about a client that had these seconds."""
    health = ClientHealth()
    for second in seconds:
        health.see(second)
    return health.spoils(counted or Counted())


def cpu(*ratios: float, worker: int = 0) -> list[WorkerSecond]:
    """A worker's seconds with these CPU ratios."""
    return [WorkerSecond(second, worker, cpu_ratio=ratio) for second, ratio in enumerate(ratios)]


def test_a_quiet_client_is_healthy() -> None:
    """A client that keeps up has no findings."""
    quiet = WorkerSecond(0, 0, 0.5, open_fds=40, fd_limit=1000)

    assert reasons([quiet] * 10, Counted()) == []


def test_three_busy_seconds_in_a_row_count() -> None:
    """A core used by 90 % for three seconds in a row is a finding about its worker, with when and how much."""
    (found,) = reasons(cpu(0.2, 0.95, 0.90, 0.97, 0.3))

    assert (found.rule, found.worker, found.value, found.limit) == ("cpu", 0, 0.97, 0.90)
    assert (found.first_s, found.last_s) == (1, 3)
    assert "97% of its core for 3 s in a row" in found.message


@pytest.mark.parametrize("ratios", [(0.95, 0.95, 0.3, 0.95, 0.95), (0.89,) * 9, ()])
def test_busy_seconds_that_do_not_last_are_forgiven(ratios: tuple[float, ...]) -> None:
    """Two bad seconds, or many almost bad ones, are not a finding."""
    assert reasons(cpu(*ratios)) == []


def test_workers_are_looked_at_one_by_one() -> None:
    """Bad seconds of different workers do not add up to a row."""
    pairs = zip(cpu(0.95, 0.1, 0.95), cpu(0.1, 0.95, 0.1, worker=1), strict=True)
    together = [second for pair in pairs for second in pair]

    assert reasons(together) == []


def test_descriptors_near_their_limit_count() -> None:
    """90 % of the file limit in use is noted; as long as each request got a descriptor it spoils nothing."""
    (found,) = reasons([WorkerSecond(second, 0, open_fds=231, fd_limit=256) for second in range(3)])

    assert (found.rule, found.severity) == ("descriptors", "note")
    assert "90% of the file descriptors" in found.message


def test_descriptors_that_ran_out_are_told_once() -> None:
    """That they were nearly all in use is the same cause."""
    seconds = [WorkerSecond(second, 0, open_fds=256, fd_limit=256) for second in range(3)]
    (found,) = reasons(seconds, Counted(fd_limit_outcomes=7))

    assert (found.severity, found.value) == ("invalid", 7.0)


def test_requests_not_sent_for_lack_of_descriptors_or_ports_count() -> None:
    """One request that the client could not send is enough."""
    found = reasons([], Counted(fd_limit_outcomes=1, addr_unavailable_outcomes=2))

    assert [(reason.rule, reason.value) for reason in found] == [("descriptors", 1.0), ("ports", 2.0)]


def test_missing_rows_count() -> None:
    """Rows that could not be written make the result incomplete."""
    (found,) = reasons([], Counted(rows_lost=7))

    assert (found.rule, found.value) == ("rows", 7.0)


def test_each_cause_of_missing_rows_has_its_sentence_and_its_remedy() -> None:
    """Files that were removed are not a full disk, nor is either of them a client that was the bottleneck."""
    found = reasons([], Counted(rows_dropped=1, rows_lost=2, rows_gone=3))

    assert [(each.value, each.subject) for each in found] == [(1.0, "results"), (2.0, "results"), (3.0, "results")]
    assert "the disk refused" in found[1].text
    assert "moved, removed or changed during the run" in found[2].text
    assert "disk" not in found[2].advice


def test_a_rule_speaks_once_of_all_workers() -> None:
    """Sixteen workers without cores are one reason, with the number of the worst, and names if they are not all."""
    health = ClientHealth()
    for second in range(3):
        for worker in range(16):
            health.see(WorkerSecond(second, worker, cpu_ratio=0.95 + worker / 1000))
            health.see(WorkerSecond(second, worker, open_fds=95 if worker in {2, 5} else 5, fd_limit=100))
    cpu, descriptors = health.spoils(Counted())

    assert cpu.message.startswith("all 16 workers used up to 96% of their core for 3 s in a row")
    assert descriptors.message.startswith("2 of 16 workers (2, 5) held 95% of the file descriptors")
    assert (cpu.worker, cpu.first_s, cpu.last_s, descriptors.workers) == (15, 0, 2, (2, 5))

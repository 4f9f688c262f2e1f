"""Whether the client was the bottleneck, by rules that name their numbers.

A run whose client could not keep up says nothing about its target. Each rule looks at the seconds of each worker one
after another; it speaks when it held for `IN_A_ROW` seconds, so that one bad second does not spoil a run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from loadcore.judge.cores import Cores
from loadcore.judge.finding import Finding
from loadcore.judge.folding import CAUSES
from loadcore.judge.streak import Streak

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadcore.judge.finding import Severity
    from loadcore.judge.seconds import MachineSecond, WorkerSecond

CPU_LIMIT: Final = 0.90
"""Share of one core that an engine thread may use: it has one thread, and cannot use more than one core."""
DESCRIPTOR_LIMIT: Final = 0.90
"""Share of the file limit in use."""


@dataclass(frozen=True)
class Counted:
    """What the whole run counted, for the rules that look at the end."""

    rows_dropped: int = 0
    """Rows that came faster than the disk took them."""
    rows_lost: int = 0
    """Rows that the disk refused."""
    rows_gone: int = 0
    """Rows in files that were removed or changed during the run."""
    fd_limit_outcomes: int = 0
    addr_unavailable_outcomes: int = 0
    unpaced: bool = True
    """Whether users without pauses ask for as much as the client can do."""
    fell_behind: bool = False
    """Whether less was answered than was asked at a rate."""

    @property
    def wants_more(self) -> bool:
        """Whether more was asked than was done: then what fills the client's cores limits what is measured."""
        return self.unpaced or self.fell_behind


@dataclass
class ClientHealth:
    """Watches the client while it runs, in constant memory."""

    cpu: dict[int, Streak] = field(default_factory=dict)
    descriptors: dict[int, Streak] = field(default_factory=dict)
    cores: Cores = field(default_factory=Cores)

    def see(self, second: WorkerSecond) -> None:
        """Look at one second of one worker. Seconds of a worker come in order."""
        if second.cpu_ratio is not None:
            streak = self.cpu.setdefault(second.worker, Streak())
            streak.see(second.second, holds=second.cpu_ratio >= CPU_LIMIT, value=second.cpu_ratio)
        if second.open_fds is not None and second.fd_limit:
            share = second.open_fds / second.fd_limit
            streak = self.descriptors.setdefault(second.worker, Streak())
            streak.see(second.second, holds=share >= DESCRIPTOR_LIMIT, value=share)
        self.cores.see(second)

    def see_machine(self, second: MachineSecond) -> None:
        """Look at one second of the machine."""
        self.cores.see_machine(second)

    def spoils(self, counted: Counted, late: Sequence[Finding] = ()) -> list[Finding]:
        """What spoils the measurement; empty if nothing does.

        Args:
            counted: What the whole run counted.
            late: What the client's own delay did to the times.
        """
        causes = [
            *self._cpu_reasons("invalid" if counted.wants_more else "note"),
            *self.cores.findings(wants_more=counted.wants_more),
        ]
        if late and not any(each.rule in CAUSES for each in causes):
            causes = self.cores.in_busiest_second()
        own = [*causes, *late, *self._descriptor_reasons(counted), *self._port_reasons(counted)]
        return [*own, *_row_reasons(counted)]

    def _cpu_reasons(self, severity: Severity) -> list[Finding]:
        advice = "run more workers, or spread the load over more machines"
        return _of_workers(
            "cpu",
            self.cpu,
            CPU_LIMIT,
            lambda who, own, worst: f"{who} used up to {worst.worst:.0%} of {own} core for {worst.longest} s in a row",
            advice,
            severity,
        )

    def _descriptor_reasons(self, counted: Counted) -> list[Finding]:
        advice = "raise the limit (`ulimit -n`, or LimitNOFILE in a systemd unit), or run fewer users per worker"
        reasons = _of_workers(
            "descriptors",
            self.descriptors,
            DESCRIPTOR_LIMIT,
            lambda who, own, worst: f"{who} held {worst.worst:.0%} of the file descriptors {_PRONOUNS[own]} may have",
            advice,
            "note",
        )
        if counted.fd_limit_outcomes:
            message = f"{counted.fd_limit_outcomes} requests were not sent: no file descriptor was left"
            reasons = [_client("descriptors", message, advice, float(counted.fd_limit_outcomes), 0.0)]
        return reasons

    def _port_reasons(self, counted: Counted) -> list[Finding]:
        advice = (
            "keep connections open, or widen the range "
            "(`sysctl net.ipv4.ip_local_port_range`, `net.ipv4.tcp_tw_reuse=1`), or use more target addresses"
        )
        if counted.addr_unavailable_outcomes:
            message = f"{counted.addr_unavailable_outcomes} requests were not sent: every local port was in use"
            return [_client("ports", message, advice, float(counted.addr_unavailable_outcomes), 0.0)]
        return []


_PRONOUNS = {"its": "it", "their": "they"}


def _of_workers(
    rule: str,
    streaks: Mapping[int, Streak],
    limit: float,
    message: Callable[[str, str, Streak], str],
    advice: str,
    severity: Severity = "invalid",
) -> list[Finding]:
    """One reason for all workers that a rule speaks of, with the number of the worst; none if it speaks of none."""
    found = {worker: streak for worker, streak in sorted(streaks.items()) if streak.counts}
    if not found:
        return []
    worst_worker, worst = max(found.items(), key=lambda item: item[1].worst)
    text = message(who(list(found), len(streaks)), "its" if len(found) == 1 else "their", worst)
    first_s = min((streak.first_s for streak in found.values() if streak.first_s is not None), default=None)
    last_s = max((streak.last_s for streak in found.values() if streak.last_s is not None), default=None)
    return [
        Finding(
            subject="client",
            severity=severity,
            rule=rule,
            message=text,
            advice=advice,
            value=worst.worst,
            limit=limit,
            worker=worst_worker,
            workers=tuple(found),
            first_s=first_s,
            last_s=last_s,
        )
    ]


def _client(rule: str, message: str, advice: str, value: float, limit: float) -> Finding:
    return Finding(
        subject="client",
        severity="invalid",
        rule=rule,
        message=message,
        advice=advice,
        value=value,
        limit=limit,
    )


def who(workers: Sequence[int], total: int) -> str:
    """Some workers of a run in words: `worker 3`, `all 8 workers`, `3 of 8 workers (0, 2, 5)`."""
    if len(workers) == 1:
        return f"worker {workers[0]}"
    if len(workers) == total:
        return f"all {total} workers"
    named = ", ".join(str(worker) for worker in workers[:_NAMED]) + (", ..." if len(workers) > _NAMED else "")
    return f"{len(workers)} of {total} workers ({named})"


_NAMED = 8


def _row_reasons(counted: Counted) -> list[Finding]:
    return [
        Finding(
            subject="results",
            severity="invalid",
            rule="rows",
            message=f"{rows} rows are missing from the result files, {why}; the counts and times in the summary are "
            "complete",
            advice=advice,
            value=float(rows),
            limit=0.0,
        )
        for rows, why, advice in (
            (
                counted.rows_dropped,
                "which arrived faster than they could be written",
                "write to a faster disk (`--out`)",
            ),
            (counted.rows_lost, "which the disk refused", "free space on the disk, or write to another one (`--out`)"),
            (
                counted.rows_gone,
                "because their files were moved, removed or changed during the run",
                "do not touch the run folder until the run has ended",
            ),
        )
        if rows
    ]

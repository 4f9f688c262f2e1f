"""Who had the cores that the client needed: the client itself, other programs, or, because of a quota, none of them.

These are causes. What they did to the times is judged by `loadcore.judge.lag`; by itself none of them makes a run
invalid, but for a client that filled all its cores and was asked for more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from loadcore.judge.finding import Finding
from loadcore.judge.streak import Streak

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadcore.judge.finding import Severity
    from loadcore.judge.seconds import MachineSecond, WorkerSecond

FULL: Final = 0.90
"""Share of a core, or of all usable ones, from which on it is full."""
STOPPED_LIMIT: Final = 0.02
"""Share of the time for which a quota may stop the client before it is reported."""
STOLEN_LIMIT: Final = 0.05
"""Share of the machine's CPU time that the hypervisor may give to others before it is reported."""
FOREIGN_LIMIT: Final = 0.10
"""Share of the cores that the client may run on, used by other programs."""
PRESSURE_LIMIT: Final = 20.0
"""Percent of time in which some thread of the machine waited for a core."""
WAIT_LIMIT: Final = 0.02
"""Share of the time in which an engine thread itself waited for a core."""

BUSY: Final = 0.20
"""Share of a core below which an engine thread is idle most of the time."""

_MORE = "run more workers, or spread the load over more machines"
_FEWER = "leave cores to the client: fewer other programs, or another machine"
_SPREAD = (
    "let users start one after another (a ramp, or a warm-up), give them think times that vary, or run more workers"
)


@dataclass
class _Wanted:
    """Seconds in which an engine thread needed a whole core, and how much of one it had in the fullest of them."""

    streak: Streak = field(default_factory=Streak)
    had: float = 0.0
    lacked: bool = False
    """Whether some second had less than a core to give: without one, the rule about the CPU of workers says it all."""


@dataclass
class Cores:
    """Watches the cores during a run, in constant memory."""

    disturbed: Streak = field(default_factory=Streak)
    used: Streak = field(default_factory=Streak)
    wanted: dict[int, _Wanted] = field(default_factory=dict)
    busiest: WorkerSecond | None = None
    """The second in which an engine thread needed most of a core."""
    _usable: float = 0.0
    _watched_s: float = 0.0
    _stopped_s: float = 0.0
    _stolen_s: float = 0.0
    _span: tuple[int, int] | None = None
    _seen_at: int = -1
    _pressure: float = 0.0
    _steal: float = 0.0
    _wait: float = 0.0

    def see(self, second: WorkerSecond) -> None:
        """Look at one second of one worker."""
        if second.second != self._seen_at:
            self._seen_at, self._wait = second.second, 0.0
        self._pressure, self._steal = second.pressure or 0.0, second.steal or 0.0
        if second.cpu_ratio is None or second.core_wait_ratio is None:
            return
        self._wait = max(self._wait, second.core_wait_ratio)
        whole = second.cpu_ratio + second.core_wait_ratio
        if whole > _need(self.busiest):
            self.busiest = second
        wanted = self.wanted.setdefault(second.worker, _Wanted())
        holds = whole >= FULL
        wanted.lacked |= holds and second.cpu_ratio < FULL
        if holds and whole > wanted.streak.worst:
            wanted.had = second.cpu_ratio
        wanted.streak.see(second.second, holds=holds, value=whole)

    def see_machine(self, second: MachineSecond) -> None:
        """Look at one second of the machine. It comes after those of the workers."""
        share = second.foreign_cores / second.cores
        is_full = second.foreign_cores + (second.client_cores or 0.0) >= FULL * second.cores
        waited = is_full or self._pressure >= PRESSURE_LIMIT or self._wait >= WAIT_LIMIT
        self.disturbed.see(second.second, holds=waited and share > FOREIGN_LIMIT, value=share)
        self._watched_s += second.wall_s
        self._stolen_s += self._steal * second.wall_s
        stopped_s = min(second.stopped_s, second.wall_s)
        self._stopped_s += stopped_s
        if stopped_s:
            self._span = (self._span[0] if self._span else second.second, second.second)
        if second.client_cores is not None and second.usable_cores:
            self._usable = second.usable_cores
            used = second.client_cores / second.usable_cores
            self.used.see(second.second, holds=used >= FULL, value=used)

    def findings(self, *, wants_more: bool) -> list[Finding]:
        """What was found, what explains most first.

        Args:
            wants_more: Whether the client did less than was asked of it.
        """
        stopped = list(self._stopped())
        # A quota that stops the client is why it uses all that it may.
        used = [] if stopped else self._used(wants_more=wants_more)
        return [*stopped, *self._stolen(), *used, *self._full(), *self._foreign()]

    def in_busiest_second(self) -> list[Finding]:
        """What delays a client if no rule says so: by the second in which an engine thread needed most of a core.

        If it mostly had its core, a response waits for those that came before it, and in a thread that is idle most of
        the time, many come at once. If it mostly waited for its core, others had it, though not for long enough in a
        row, or on a machine too busy to look each second.
        """
        if self.busiest is None:
            return []
        cpu, waited = self.busiest.cpu_ratio or 0.0, self.busiest.core_wait_ratio or 0.0
        did = f"in its busiest second worker {self.busiest.worker} used {cpu:.0%} of a core and waited for it "
        did += f"{waited:.0%} of the time"
        is_own = waited <= cpu or cpu + waited < BUSY
        if not is_own:
            why, advice = "other programs, or other threads of the client, had it", _FEWER
        elif cpu + waited >= BUSY:
            why, advice = "a response waits while the worker handles those before it", _MORE
        else:
            why, advice = "requests that are due at the same moment wait for one another", _SPREAD
        return [
            Finding(
                subject="client" if is_own else "other programs",
                severity="note",
                rule="own_work" if is_own else "core_wait",
                message=f"{did}: {why}",
                advice=advice,
                value=cpu + waited,
                limit=BUSY,
                worker=self.busiest.worker,
                workers=(self.busiest.worker,),
                first_s=self.busiest.second,
                last_s=self.busiest.second,
            )
        ]

    def _stopped(self) -> Iterable[Finding]:
        if self._stopped_s <= STOPPED_LIMIT * self._watched_s or self._span is None:
            return
        yield Finding(
            subject="client",
            severity="note",
            rule="throttled",
            message=f"the control group's CPU quota stopped the client for {self._stopped_s:.1f} s "
            f"of {self._watched_s:.1f} s",
            advice="raise the quota (`cpu.max`, `CPUQuota=` of a systemd unit, `--cpus` or the CPU limit of a "
            "container), or ask for less",
            value=self._stopped_s / self._watched_s,
            limit=STOPPED_LIMIT,
            first_s=self._span[0],
            last_s=self._span[1],
        )

    def _stolen(self) -> Iterable[Finding]:
        if self._stolen_s <= STOLEN_LIMIT * self._watched_s:
            return
        share = self._stolen_s / self._watched_s
        yield Finding(
            subject="other programs",
            severity="note",
            rule="steal",
            message=f"the hypervisor gave {share:.0%} of this machine's CPU time to other machines",
            advice="use a machine with dedicated cores (no burst credits)",
            value=share,
            limit=STOLEN_LIMIT,
        )

    def _used(self, *, wants_more: bool) -> Iterable[Finding]:
        if not self.used.counts:
            return
        severity: Severity = "invalid" if wants_more else "note"
        cores = f"{self._usable:g} core{'' if self._usable == 1 else 's'}"
        yield Finding(
            subject="client",
            severity=severity,
            rule="cores",
            message=f"the client's processes used up to {self.used.worst:.0%} of the {cores} they may use, "
            f"for {self.used.longest} s in a row",
            advice="give the client more cores (affinity, quota), or spread the load over more machines",
            value=self.used.worst,
            limit=FULL,
            first_s=self.used.first_s,
            last_s=self.used.last_s,
        )

    def _full(self) -> Iterable[Finding]:
        found = {worker: each for worker, each in sorted(self.wanted.items()) if each.streak.counts and each.lacked}
        if not found:
            return
        worker, worst = max(found.items(), key=lambda item: item[1].streak.worst)
        is_own = worst.had >= FULL / 2
        yield Finding(
            subject="client" if is_own else "other programs",
            severity="note",
            rule="core_wait",
            message=f"worker {worker} needed a whole core for {worst.streak.longest} s in a row and had "
            f"{worst.had:.0%} of one: the rest went to other programs, or to other threads of the client",
            advice=_MORE if is_own else _FEWER,
            value=worst.streak.worst,
            limit=FULL,
            worker=worker,
            workers=tuple(found),
            first_s=worst.streak.first_s,
            last_s=worst.streak.last_s,
        )

    def _foreign(self) -> Iterable[Finding]:
        if not self.disturbed.counts:
            return
        yield Finding(
            subject="other programs",
            severity="note",
            rule="foreign_cpu",
            message=f"other programs used up to {self.disturbed.worst:.0%} of the cores that the client may use, "
            "while threads waited for one",
            advice="a target on the same machine counts as another program; otherwise stop the other programs, "
            "or use another machine",
            value=self.disturbed.worst,
            limit=FOREIGN_LIMIT,
            first_s=self.disturbed.first_s,
            last_s=self.disturbed.last_s,
        )


def _need(second: WorkerSecond | None) -> float:
    """How much of a core an engine thread needed."""
    return (second.cpu_ratio or 0.0) + (second.core_wait_ratio or 0.0) if second else 0.0

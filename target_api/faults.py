"""What may go wrong on purpose: the fault program and its decisions.

A program is data, the same for all workers; a `FaultSource` draws from it. Draws are seeded by program, worker and
order of arrival, so one worker with the same requests in the same order injects the same faults.
"""

import math
import random
from collections.abc import Collection
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loadcore_target.models import AS_JSON_COUNTS
from loadcore_target.spec import Distribution, parse_distribution, parse_duration, parse_rate, parse_share, parse_size

DropKind = Literal["close", "reset", "hang", "truncate", "surplus", "trickle"]
DROP_KINDS: tuple[DropKind, ...] = ("close", "reset", "hang", "truncate", "surplus", "trickle")


class Leak(BaseModel):
    """What each request loses, until the program changes."""

    model_config = ConfigDict(extra="forbid")

    kib: Annotated[int, Field(ge=0, le=1024), AS_JSON_COUNTS] = 0
    descriptors: Annotated[int, Field(ge=0, le=16), AS_JSON_COUNTS] = 0
    tasks: Annotated[int, Field(ge=0, le=64), AS_JSON_COUNTS] = 0


class FaultProgram(BaseModel):
    """All fault knobs; the default injects nothing.

    Args:
        seed: Start of the random sequences.
        routes: Labels like `GET /items` that are touched; empty means every route that is not a probe.
        workers: Numbers of the workers that obey; empty means all. One slow worker of several is a fault of its own.
        latency: Distribution of added time before the handler, like `lognormal(20ms,0.3)`.
        degrade_per_minute: Added time that grows by this much each minute since the program was set, like `10ms`.
        error_rate: Share of requests answered with `error_code` instead of by the handler, like `1%`.
        error_code: The status of an injected error; 429 and 503 carry `Retry-After`.
        error_burst: Errors come in runs of this length; the share stays the same.
        capacity: Requests per second that get through, like `500/s`, one shared FIFO queue for all workers.
        capacity_wait: Longest wait in that queue; a request that would wait longer gets 503 with `Retry-After`.
        drop: Shares of requests whose connection misbehaves: `close` and `reset` before an answer, `hang` never
            answers, `truncate` closes in mid-body, `surplus` sends bytes after the end, `trickle` sends slowly.
        trickle: Bytes per second of a trickling body, like `10KB/s`.
        stall: A worker does nothing at all for this long, like `2s` …
        stall_every: … this often, all workers at the same time.
        cpu: Distribution of time that a request computes while it holds the interpreter, like `5ms`.
        leak: What each request loses.
        close_every: Every n-th answer closes its connection.
        cache_flush_every: All cached answers become stale this often, like `5s`; `0s` for no caching at all.
    """

    model_config = ConfigDict(extra="forbid")

    seed: Annotated[int, AS_JSON_COUNTS] = 1
    routes: list[str] = []
    workers: list[Annotated[int, AS_JSON_COUNTS]] = []
    latency: str | None = None
    degrade_per_minute: str | None = None
    error_rate: str | None = None
    error_code: Annotated[int, Field(ge=400, le=599), AS_JSON_COUNTS] = 503
    error_burst: Annotated[int, Field(ge=1, le=10_000), AS_JSON_COUNTS] = 1
    capacity: str | None = None
    capacity_wait: str = "30s"
    drop: dict[DropKind, str] = {}
    trickle: str = "10KB/s"
    stall: str | None = None
    stall_every: str = "20s"
    cpu: str | None = None
    leak: Leak | None = None
    close_every: Annotated[int, Field(ge=0), AS_JSON_COUNTS] = 0
    cache_flush_every: str | None = None

    @model_validator(mode="after")
    def _knobs_parse(self) -> Self:
        FaultSource(self, worker=0, set_at=0.0)
        return self

    def check_places(self, labels: Collection[str], workers: int) -> None:
        """Refuses routes and workers that there are not: the program would do nothing, and say nothing.

        Args:
            labels: Of all routes.
            workers: How many there may be.

        Raises:
            ValueError: The message names them, and what there is.
        """
        unknown = [label for label in self.routes if label not in labels]
        if unknown:
            raise ValueError(f"unknown route {unknown[0]!r}; routes are written like {min(labels)!r}")
        beyond = [worker for worker in self.workers if not 0 <= worker < workers]
        if beyond:
            raise ValueError(f"worker {beyond[0]} does not exist; the numbers are 0 to {workers - 1}")


class FaultSource:
    """Draws the faults of one worker from one program.

    Args:
        program: The program.
        worker: Number of the worker.
        set_at: Monotonic seconds at which the program was set.
    """

    def __init__(self, program: FaultProgram, worker: int, set_at: float) -> None:
        self.program = program
        self.set_at = set_at
        self.latency = _distribution(program.latency)
        self.cpu = _distribution(program.cpu)
        self.degrade = parse_duration(program.degrade_per_minute) if program.degrade_per_minute else 0.0
        self.error_share = parse_share(program.error_rate) if program.error_rate else 0.0
        self.interval_ns = round(1e9 / parse_rate(program.capacity)) if program.capacity else 0
        self.longest_wait_ns = round(parse_duration(program.capacity_wait) * 1e9)
        self.drop_shares = [(kind, parse_share(share)) for kind, share in program.drop.items()]
        if sum(share for _, share in self.drop_shares) > 1:
            raise ValueError("the shares of `drop` are more than 100% together")
        self.trickle_bytes_s = _bytes_per_second(program.trickle)
        self.stall_s = parse_duration(program.stall) if program.stall else 0.0
        self.stall_every_s = parse_duration(program.stall_every)
        if self.stall_s >= self.stall_every_s:
            raise ValueError("`stall` must be shorter than `stall_every`")
        flush = program.cache_flush_every
        self.cache_flush_s = None if flush is None else parse_duration(flush)
        self.routes = frozenset(program.routes)
        self.idle = bool(program.workers) and worker not in program.workers
        self.idle = self.idle or program == FaultProgram.model_construct(seed=program.seed)
        # One generator per knob: turning one knob does not change what the others draw.
        self._generators = {
            knob: random.Random(f"{program.seed}:{worker}:{knob}") for knob in ("latency", "error", "drop", "cpu")
        }
        self._burst_left = 0
        self._answers = 0

    def touches(self, route: str) -> bool:
        """Whether this program applies to a route label."""
        return not self.routes or route in self.routes

    def draw_delay(self, now: float) -> float:
        """Seconds to add to the next request, at a monotonic time."""
        drawn = self.latency.draw(self._generators["latency"]) if self.latency else 0.0
        return drawn + self.degrade * (now - self.set_at) / 60

    def draw_cpu(self) -> float:
        """Seconds that the next request computes."""
        return self.cpu.draw(self._generators["cpu"]) if self.cpu else 0.0

    def draw_error(self) -> bool:
        """Whether the next request fails on purpose."""
        if self._burst_left:
            self._burst_left -= 1
            return True
        length = self.program.error_burst
        # A run of n errors begins so rarely that errors have their share of all requests.
        share = self.error_share
        begin = share if length == 1 or share == 1 else share / (share + length * (1 - share))
        if not share or self._generators["error"].random() >= begin:
            return False
        self._burst_left = length - 1
        return True

    def draw_drop(self) -> DropKind | None:
        """How the next request's connection misbehaves, if it does."""
        if not self.drop_shares:
            return None
        position = self._generators["drop"].random()
        for kind, share in self.drop_shares:
            position -= share
            if position < 0:
                return kind
        return None

    def closes(self) -> bool:
        """Whether the next answer closes its connection."""
        every = self.program.close_every
        if not every:
            return False
        self._answers += 1
        return self._answers % every == 0

    def stall_left(self, now: float) -> float:
        """Seconds that a stall still lasts at a monotonic time; stalls are at the same times in all workers."""
        if not self.stall_s:
            return 0.0
        return max(0.0, self.stall_s - math.fmod(now, self.stall_every_s))


def _distribution(text: str | None) -> Distribution | None:
    return parse_distribution(text) if text is not None else None


def _bytes_per_second(text: str) -> float:
    amount, slash, unit = text.partition("/")
    if (slash, unit) != ("/", "s"):
        raise ValueError(f"{text!r} is not a speed; write it like 10KB/s")
    speed = parse_size(amount)
    if not speed:
        raise ValueError(f"{text!r}: the speed must be above zero")
    return float(speed)

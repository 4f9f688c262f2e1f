"""What may go wrong on purpose: the fault program and its decisions.

A program is data, the same for all workers; a `FaultSource` draws from it. Draws are seeded by program, worker and
order of arrival, so one worker with the same requests in the same order injects the same faults.
"""

import random
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from target_api.spec import Distribution, parse_distribution, parse_rate, parse_share


class FaultProgram(BaseModel):
    """All fault knobs; the default injects nothing.

    Args:
        seed: Start of the random sequence.
        routes: Labels like `GET /items` that are touched; empty means every route that is not a probe.
        latency: Distribution of added time before the handler, like `lognormal(20ms,0.3)`.
        error_rate: Share of requests answered with `error_code` instead of by the handler, like `1%`.
        error_code: The status of an injected error.
        capacity: Requests per second that get through, like `500/s`, one shared FIFO queue for all workers.
        capacity_wait: Longest wait in that queue; a request that would wait longer gets 503 with `Retry-After`.
    """

    model_config = ConfigDict(extra="forbid")

    seed: int = 1
    routes: list[str] = []
    latency: str | None = None
    error_rate: str | None = None
    error_code: Annotated[int, Field(ge=400, le=599)] = 503
    capacity: str | None = None
    capacity_wait: str = "30s"

    @model_validator(mode="after")
    def _knobs_parse(self) -> Self:
        if self.latency is not None:
            parse_distribution(self.latency)
        if self.error_rate is not None:
            parse_share(self.error_rate)
        if self.capacity is not None:
            parse_rate(self.capacity)
        parse_distribution(self.capacity_wait)
        return self


class FaultSource:
    """Draws the faults of one worker from one program."""

    def __init__(self, program: FaultProgram, worker: int) -> None:
        self.program = program
        self.latency: Distribution | None = parse_distribution(program.latency) if program.latency else None
        self.error_share: float = parse_share(program.error_rate) if program.error_rate else 0.0
        self.interval_ns: int = round(1e9 / parse_rate(program.capacity)) if program.capacity else 0
        self.longest_wait_ns: int = round(parse_distribution(program.capacity_wait).a * 1e9)
        self.routes = frozenset(program.routes)
        self.idle = self.latency is None and not self.error_share and not self.interval_ns
        # One generator per knob: turning one knob does not change what the others draw.
        self._delays = random.Random(f"{program.seed}:{worker}:latency")
        self._errors = random.Random(f"{program.seed}:{worker}:error")

    def touches(self, route: str) -> bool:
        """Whether this program applies to a route label."""
        return not self.routes or route in self.routes

    def draw_delay(self) -> float:
        """Seconds to add to the next request."""
        return self.latency.draw(self._delays) if self.latency else 0.0

    def draw_error(self) -> bool:
        """Whether the next request fails on purpose."""
        return self.error_share > 0 and self._errors.random() < self.error_share

"""Many windows added at once say the same as one by one."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadcore.engine import Histogram
from loadcore.results.run_facts import RunEnd
from loadcore.results.schema import MACHINE, WINDOWS
from loadcore.results.sum import many_windows
from loadcore.results.sum.totals import Totals
from loadcore.results.write.windows_file import PLAIN
from tests.contract.test_core_histogram import encoded
from tests.unit.results.numbers import START

STEPS = ("list", "buy", "pay")


class Draws(random.Random):
    """Chance, and what windows hold by it."""

    def times(self, most: int = 6) -> bytes | None:
        """Some durations, or none."""
        drawn = [self.randrange(1, 10**6) for _ in range(self.randrange(most))]
        return encoded(drawn) if drawn else None

    def step(self, name: str, second: int) -> dict[str, Any]:
        """A window of a step."""
        count, bad = self.randrange(1, 9), self.choice([0, 0, 0, 2])
        status = self.choice([429, 503])
        row: dict[str, Any] = {"kind": "step", "scenario": self.choice(["shop", "bank"]), "method": "GET", "name": name}
        row |= {"section": "auth" if name == "token" else "main", "count": count, "attempts": count, "asked": count}
        row |= {"errors": bad, "answered": count, "connections": self.choice([None, 1])}
        row |= {
            "outcomes": [{"name": "ok", "count": count}, {"name": self.choice(["timeout", "interrupted"]), "count": 1}]
        }
        row |= {"statuses": [{"status": 200, "count": count}, *([{"status": status, "count": bad}] if bad else [])]}
        row |= {"error_statuses": [{"status": status, "count": bad}] if bad else None}
        row |= {"response": encoded([self.randrange(1, 10**6)]), "service": self.times(), "ttfb": self.times()}
        row |= {
            "service_sum_ns": self.randrange(10**9),
            "connect": self.times(2),
            "lost_on_new": self.choice([None, 1]),
        }
        row |= {"delay_added": encoded([7]), "delay_taken": encoded([9])} if bad else {}
        if bad:
            row["error_times"] = [{"status": status, "service": encoded([self.randrange(1, 10**6)])}]
        if self.randrange(3) == 0:
            row["hints"] = [{"name": self.choice(["db", "app"]), "count": 2, "sum_ns": 10, "ttfb_sum_ns": 5}]
            row["exemplars"] = [self.exemplar(second) for _ in range(2)]
        return row

    def exemplar(self, second: int) -> dict[str, Any]:
        """A request that has a trace."""
        trace = {"trace_id": f"{self.randrange(2**128):032x}", "span_id": f"{self.randrange(2**64):016x}"}
        times = {"end_ns": second * 10**9, "service_ns": self.randrange(10**6), "response_ns": 10**6}
        return trace | times | {"status": 200, "outcome": "ok"}

    def of_worker(self, second: int) -> list[dict[str, Any]]:
        """All windows of a second of a worker."""
        rows = [self.step(name, second) for name in self.sample([*STEPS, "token"], self.randrange(5))]
        rows += [{"kind": "check", "scenario": "shop", "step": "buy", "name": "ok", "count": 3, "errors": 1}]
        rows += [{"kind": "group", "scenario": "shop", "name": "g", "count": 2, "errors": 0, "response": self.times()}]
        counts: dict[str, int | None] = {"iterations_started": self.randrange(4), "iterations_due": 2}
        counts |= {"iterations_completed": 1}
        counts |= {"iterations_dropped": self.choice([None, 0, 2]), "users_active": self.choice([None, 3, 5])}
        rows += [{"kind": "scenario", "scenario": "shop", "name": "shop", "ended_ns": second * 10**9, **counts}]
        health: dict[str, Any] = {"lag": self.times(), "lag_max_ns": self.randrange(10**6), "cpu_ns": 10**8}
        health |= {"wall_ns": self.choice([10**9, 10**8]), "process_cpu_ns": 2 * 10**8, "open_fds": 10, "fd_limit": 99}
        health |= {"core_wait_ns": self.choice([None, 10**6]), "script_lag": self.times(2), "sending": self.times(2)}
        health |= {"gaps": [{"from_ns": 1, "to_ns": 2}] if self.randrange(2) else None, "in_flight_ns": 5}
        return [*rows, {"kind": "worker", **health}]

    def of_machine(self, second: int) -> list[dict[str, Any]]:
        """What is known of the machine and of the target, and a change of the load."""
        rows: list[dict[str, Any]] = [{"kind": "worker", "wall_ns": 10**9, "foreign_cpu_ns": self.randrange(10**9)}]
        rows[0] |= {"client_cpu_ns": 10**8, "throttled_ns": 0}
        rows += [{"kind": "target", "wall_ns": 10**9, "target_cpu_ns": 10**8, "target_program": "api", "rtt_ns": 50}]
        if self.randrange(4) == 0:
            rows += [{"kind": "order", "scenario": "shop", "name": "pause", "ended_ns": second * 10**9}]
        return rows

    def run(self, seconds: int) -> list[dict[str, Any]]:
        """The windows of a run of three workers, one of them behind the others, and of their machine."""
        found: list[dict[str, Any]] = []
        for second in range(seconds):
            phase = "warm_up" if second < seconds // 4 else "steady"
            for worker, rows in [
                *((worker, self.of_worker(second)) for worker in (0, 1)),
                *([(2, self.of_worker(second - 2))] if second > 1 else []),
                (MACHINE, self.of_machine(second)),
            ]:
                own = second - 2 if worker == 2 else second
                found += [{"second": own, "worker": worker, "phase": phase} | row for row in rows]
            if second > 3 and self.randrange(3) == 0:
                # Code of a user says late that an answer of a second that has gone was an error.
                late = {
                    "kind": "step",
                    "scenario": "shop",
                    "section": "main",
                    "method": "GET",
                    "name": "buy",
                    "errors": 1,
                }
                found.append({"second": second - 3, "worker": 0, "phase": phase} | late)
        return found


def told(value: Any) -> Any:
    """Everything that an object holds, to be compared."""
    if isinstance(value, Histogram):
        return value.buckets()
    if isinstance(value, dict):
        return {key: told(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [told(each) for each in value]
    names = getattr(value, "__dataclass_fields__", None) or getattr(value, "__dict__", None)
    return {name: told(getattr(value, name)) for name in names} if names else value


def all_of(totals: Totals) -> dict[str, Any]:
    """What totals say. What they keep to say it may differ."""
    found: dict[str, Any] = told(totals)
    found["target"].pop("_seconds")
    found.pop("_recent_tallies")
    ended = RunEnd((totals.last_second + 1) * 10**9)
    facts = totals.target.facts(START, ended, totals.over(), [], is_wrong=False)
    return found | {"facts": told(facts), "recent": told(totals.recent().steps)}


def as_written(rows: list[dict[str, Any]], *, with_dictionaries: bool) -> pa.RecordBatch:
    """A batch as a worker sends it, or as it is in a file."""
    batch = pa.RecordBatch.from_pylist(rows, schema=PLAIN)
    if not with_dictionaries:
        return batch
    schema = pa.schema([field.with_nullable(nullable=True) for field in WINDOWS])
    return pa.RecordBatch.from_arrays(
        [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)], schema=schema
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    seconds=st.integers(1, 20),
    cuts=st.lists(st.integers(1, 400), max_size=4),
    with_dictionaries=st.booleans(),
)
def test_many_at_once_are_the_same_as_one_by_one(
    seed: int, seconds: int, cuts: list[int], *, with_dictionaries: bool
) -> None:
    """However a run is cut into batches, added at once or by row: all that is known of it is equal."""
    batch = as_written(Draws(seed).run(seconds), with_dictionaries=with_dictionaries)
    places = sorted({0, batch.num_rows, *(cut for cut in cuts if cut < batch.num_rows)})
    parts = [batch.slice(one, other - one) for one, other in pairwise(places)]
    by_row, at_once, mixed = Totals(2), Totals(2), Totals(2)
    for number, part in enumerate(parts):
        for totals, many in ((by_row, 10**9), (at_once, 1), (mixed, (1, 10**9)[number % 2])):
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(many_windows, "MANY", many)
                totals.add(part)
    assert all_of(at_once) == all_of(by_row)
    assert all_of(mixed) == all_of(by_row)


def test_windows_of_a_run_without_errors_are_few_rows() -> None:
    """What is looked at by the second does not grow with the steps."""
    about = {"phase": "steady", "worker": 0, "kind": "step", "scenario": "shop", "section": "main", "method": "GET"}
    about |= {"outcomes": [{"name": "ok", "count": 1}], "statuses": [{"status": 200, "count": 1}], "asked": 1}
    rows = [about | {"second": second, "name": f"step {step}"} for second in range(100) for step in range(20)]
    found = list(many_windows.by_second(as_written(rows, with_dictionaries=True), ()))
    assert [second for second, _, _ in found] == list(range(100))
    assert [len(rows) for _, _, rows in found[:90]] == [1] * 90
    assert sum(row["asked"] for _, _, rows in found for row in rows) == 2_000

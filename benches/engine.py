"""Runs the bare engine and reads what it says."""

from __future__ import annotations

import json
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.build import built

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class FailedRunError(Exception):
    """A run was not as planned: it cannot be measured."""


@dataclass(frozen=True)
class Report:
    """What `run_plan` prints."""

    requests: int
    rows: int
    errors: int
    attempts: int
    outcomes: dict[str, int]
    reason: str
    error: str | None
    rows_dropped: int
    allocations: int
    seconds: float

    def demand(self, requests: int | None = None) -> Report:
        """Itself, if the run went as planned.

        Raises:
            FailedRunError: It had errors, ended early, or made another number of requests.
        """
        if self.errors or self.reason != "finished" or self.error:
            raise FailedRunError(f"{self.errors} errors, ended as {self.reason}: {self.error or self.outcomes}")
        if requests is not None and self.requests != requests:
            raise FailedRunError(f"{self.requests} requests in place of {requests}")
        return self


@contextmanager
def command(plan: dict[str, Any], *, rows: bool = True) -> Iterator[list[str]]:
    """The command that runs a plan with the bare engine."""
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as folder:
        path = Path(folder) / "plan.json"
        path.write_text(json.dumps(plan), encoding="utf-8")
        yield [str(built()["run_plan"]), str(path), *([] if rows else ["--no-rows"])]


def run(plan: dict[str, Any], *, rows: bool = True, under: Sequence[str] = ()) -> Report:
    """Runs a plan, under another program (strace, valgrind) if one is given."""
    with command(plan, rows=rows) as words:
        output = subprocess.run([*under, *words], check=True, stdout=subprocess.PIPE).stdout
    return Report(**json.loads(output))

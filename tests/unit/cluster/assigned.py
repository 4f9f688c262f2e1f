"""Assignments as the supervisor has them, for executors alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadcore.processes import messages

if TYPE_CHECKING:
    from loadcore.plan.plan import Plan
    from loadcore.results.run_folder import RunFolder


@dataclass(frozen=True)
class Assigned:
    """The part of an assignment that executors read."""

    plan_json: str
    folder: RunFolder
    metadata: dict[str, str]
    workers: int = 2
    program: dict[str, Any] | None = None

    def order_for(self, worker: int) -> messages.Prepare:
        """The order of one worker."""
        return messages.Prepare(
            plan=self.plan_json,
            share=worker,
            shares=self.workers,
            run_dir=str(self.folder.path),
            worker=worker,
            metadata=self.metadata,
        )


def assigned(plan: Plan, folder: RunFolder, run_id: str | None = None) -> Any:
    """A plan on two workers."""
    return Assigned(plan.to_json(), folder, {"loadcore.run_id": run_id or folder.path.parent.name[:40]})

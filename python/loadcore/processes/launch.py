"""From a plan to a run: everything that happens once, around the supervisor."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.engine import engine_version
from loadcore.errors import UsageError
from loadcore.live.listeners import Listeners
from loadcore.machine import client_limits, host, revision
from loadcore.machine.file_limit import raise_file_limit
from loadcore.machine.look import Look
from loadcore.machine.needs import most_users, needs
from loadcore.plan import outline, scripts
from loadcore.plan.checked import checked
from loadcore.plan.traces import traces
from loadcore.processes.assignment import Assignment
from loadcore.processes.stop_requests import StopRequests
from loadcore.processes.supervisor import Supervisor
from loadcore.processes.worker_handle import WorkerProcess
from loadcore.results.run_facts import COLUMNS_VERSION
from loadcore.results.run_folder import RunFolder, new_run_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadcore.judge.headroom import Headroom
    from loadcore.judge.thresholds.rule import Rule
    from loadcore.plan.plan import Plan
    from loadcore.processes.assignment import Beside, Placement
    from loadcore.results.open.run import Run


_ANY_NUMBER = 1 << 16
"""Of users, where code of the user's decides how many there are."""


def run_plan(  # noqa: PLR0913 - keyword arguments, each independent of the others
    plan: Plan,
    rules: Sequence[Rule],
    *,
    workers: int | None = None,
    out: Path | None = None,
    listeners: Sequence[Any] = (),
    allow_lost_workers: bool = False,
    look: Look | None = None,
    headroom: Headroom | None = None,
    command: str | None = None,
    program: Mapping[str, Any] | None = None,
    placement: Placement | None = None,
    tags: Mapping[str, str] | None = None,
    trace_url: str | None = None,
    start_beside: Callable[[Path, int], Beside | None] | None = None,
) -> Run:
    """Check a plan, run it in a folder of its own, judged by these rules, and open that.

    `look` says where to look for the target, `headroom` what was measured before, `command` what was typed, without
    secrets, `program` what code of the user's runs in the workers, if that is not what the plan's scripts are,
    `placement` where the workers will be if not on this machine, `tags` what the run is tagged with, `trace_url` where
    traces are shown. `start_beside` starts what else belongs to that code, given the run's folder and the number of
    workers. The rest, and the errors, are as of `loadcore.api.run`.
    """
    plan = checked(plan)
    count = workers_of(plan, workers, placement)
    program = program or scripts.program(plan)
    raise_file_limit()
    if placement is None:
        client_limits.require_workers(count)
    run_id = new_run_id()
    folder = RunFolder.create(run_id, out)
    following = Listeners(listeners)
    following.tell("on_folder", folder.path)
    beside = None if start_beside is None else start_beside(folder.path, count)
    if beside is not None and program is not None:
        reaches = {"reaches": beside.reaches} if placement is not None else {}
        program = {**program, **reaches, "arguments": {**program["arguments"], **beside.arguments}}
    look = replace(look or Look(), base_urls=tuple(outline.base_urls(plan).values()))

    def facts() -> dict[str, Any]:
        return {
            "run_id": run_id,
            "allow_lost_workers": allow_lost_workers,
            "target": look.to_dict(),
            "tags": dict(tags or {}),
            "revision": revision.look(Path.cwd()),
            "calibration": None if headroom is None else headroom.to_dict(),
            "command": command,
            "traces": traces(plan, trace_url),
            "until_stopped": bool(program and program.get("until_stopped")),
            **_known(plan, rules, count, folder),
        }

    assignment = Assignment(
        plan_json=plan.to_json(),
        workers=count,
        facts=facts,
        metadata={
            "loadcore.schema_version": COLUMNS_VERSION,
            "loadcore.run_id": run_id,
            "loadcore.plan_sha256": plan.digest,
        },
        folder=folder,
        rules=rules,
        graceful_stop_ns=plan.document["graceful_stop_ns"],
        needs=partial(needs, plan),
        start_worker=lambda worker: WorkerProcess(worker, folder.log(worker), with_site=program is not None),
        shown_plan=plan.redacted(),
        placement=placement,
        look=look,
        program=program,
        beside=beside,
    )
    try:
        with StopRequests() as stops:
            summary = Supervisor(assignment, following, stops).run()
    except BaseException:
        if not folder.start.exists():
            folder.discard()
        raise
    finally:
        if beside is not None:
            beside.close()
    from loadcore.results.open.run import Run  # noqa: PLC0415 - needs pyarrow, which would hold up the workers

    run = Run(folder.path, summary, "finished")
    following.tell("on_end", run)
    return run


def workers_of(plan: Plan, asked: int | None, placement: Placement | None = None) -> int:
    """How many workers a plan gets: those that are asked for, or one for each core, but no more than users.

    Raises:
        UsageError: It cannot have as many as are asked for.
    """
    whole = outline.indivisible(plan)
    if placement is not None:
        by_itself = any(scenario["load"]["kind"] == "script" for scenario in plan.document["scenarios"])
        users = _ANY_NUMBER if by_itself else most_users(plan)
        return placement.workers(asked, whole=bool(whole), users=users)
    if asked is None:
        return 1 if whole else client_limits.default_workers(most_users(plan))
    if not isinstance(asked, int) or isinstance(asked, bool) or asked < 1:
        raise UsageError(f"workers must be a whole number from 1 on, not {asked!r}")
    if whole and asked > 1:
        raise UsageError(f"{asked} workers: {whole}; run one, or give each user its own refresh token")
    return asked


def _known(plan: Plan, rules: Sequence[Rule], workers: int, folder: RunFolder) -> dict[str, Any]:
    """What is known of a run before its workers are ready."""
    limits = host.read_limits()
    loopback = needs(plan, ()).loopback
    pid = os.getpid()
    return {
        "name": plan.name,
        "seed": plan.seed,
        "plan_sha256": plan.digest,
        "comparable_sha256": plan.comparable_digest,
        "workers": workers,
        "warm_up_ns": plan.document["warm_up_ns"],
        "base_urls": outline.base_urls(plan),
        "thresholds": [
            {name: getattr(rule, name) for name in ("expression", "scenario", "step", "default")} for rule in rules
        ],
        "loads": outline.loads(plan),
        "stopping": outline.stopping_checks(plan),
        "needed": outline.needed_values(plan),
        "unpaced": outline.is_unpaced(plan),
        "versions": _versions(),
        "machine": host.describe(),
        "limits": {**limits.to_dict(), "ports_linger": client_limits.ports_linger(limits, loopback=loopback)},
        "supervisor": {"pid": pid, "started_ticks": host.started_ticks(pid) or 0, **folder.inode()},
    }


def _versions() -> dict[str, str]:
    """What runs, but for pyarrow, which is not imported yet: see `Watch`."""
    return {"loadcore": engine_version, "engine": engine_version, "python": platform.python_version()}

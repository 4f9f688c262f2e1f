"""Trying a plan: one user goes through it, and everything that went over the wire is kept."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.results.attempt import Attempt, Sent
from loadcore.wording.outcomes import ANSWERED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.cli.prepare import Prepared
    from loadcore.results.open.run import Run

_REASON = re.compile(
    r"(?:the check `(?P<check>.+)` does not hold|no value for `(?P<value>.+)`): (?P<cause>.+)", re.DOTALL
)
"""A reason that names what is wrong before its cause."""

_COLUMNS = ["offset_ns", "response_ns", "scenario", "step", "outcome", "status", "service_ns", "error"]


def attempt(prepared: Prepared) -> Attempt:
    """Sends one user through a plan that was prepared for one iteration, taking each option of its choices once."""
    from loadcore.compiler.trial import trial, untried
    from loadcore.processes.launch import run_plan

    plan = trial(prepared.plan)
    with tempfile.TemporaryDirectory(prefix="loadcore-check-") as folder:
        run = run_plan(plan, prepared.rules, workers=1, out=Path(folder) / "run")
        sent = _sent(run)
    scenarios = run.summary["load"]["scenarios"]
    failed = {entry["name"] for entry in scenarios if entry["iterations"]["failed"] or entry["users"]["lost"]}
    names = {(each.row["scenario"], each.row["step"]) for each in sent}
    return Attempt(
        sent=sent,
        findings=_findings(run, sent, failed),
        untried=untried(plan.redacted(), names, failed),
        iterations={entry["name"]: entry["iterations"]["started"] for entry in scenarios},
        interrupted=run.exit_code if run.summary["signal"] else None,
    )


def _sent(run: Run) -> list[Sent]:
    samples = defaultdict(list)
    for sample in run.summary["samples"]:
        samples[sample["step"], sample["ended_ns"]].append(sample)
    rows = sorted(run.requests.select(_COLUMNS).to_pylist(), key=_ended_ns)
    return [_with_sample(row, samples[row["step"], _ended_ns(row)]) for row in rows]


def _ended_ns(row: dict[str, Any]) -> int:
    return int(row["offset_ns"] + row["response_ns"])


def _with_sample(row: dict[str, Any], samples: Sequence[Mapping[str, Any]]) -> Sent:
    reasons = list(dict.fromkeys(sample["reason"] for sample in samples if sample["kind"] != "none"))
    if row["error"] and not reasons:
        reasons = [f"status {row['status']}" if row["outcome"] in ANSWERED else str(row["outcome"])]
    return Sent(row, each_cause_once(reasons), samples[0] if samples else None)


def each_cause_once(reasons: Sequence[str]) -> list[str]:
    """The reasons, those with one cause as one: the checks that do not hold, then the values that are missing."""
    by_cause: dict[str, tuple[list[str], list[str]]] = {}
    for reason in reasons:
        found = _REASON.fullmatch(reason)
        checks, values = by_cause.setdefault(found["cause"] if found else reason, ([], []))
        if found:
            (checks if found["check"] else values).append(f"`{found['check'] or found['value']}`")
    return [": ".join([*_what(checks, values), cause]) for cause, (checks, values) in by_cause.items()]


def _what(checks: Sequence[str], values: Sequence[str]) -> list[str]:
    """What is wrong for one cause, in one text; none for a cause that says it by itself."""
    several = len(checks) > 1
    parts = []
    if checks:
        parts.append(f"the check{'s' if several else ''} {_listed(checks)} do{'' if several else 'es'} not hold")
    if values:
        parts.append(f"no value for {_listed(values)}")
    return [", and ".join(parts)] if parts else []


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence: `a`, `b and c`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _findings(run: Run, sent: Sequence[Sent], failed: set[str]) -> list[str]:
    """What is wrong, in the order in which it was met."""
    of_scripts = _of_scripts(run)
    if not sent:
        return [*of_scripts, "no request was sent: check the scenario's steps and feeders"]
    found = dict.fromkeys(f"{each.row['step']}: {reason}" for each in sent for reason in each.reasons)
    found |= dict.fromkeys(of_scripts)
    blamed = failed if of_scripts else {each.row["scenario"] for each in sent if each.reasons}
    for name in sorted(failed - blamed):
        found[f"{name} did not reach its end"] = None
    for worker in run.summary["workers_lost"]:
        found[f"the worker was lost: {worker['reason']}"] = None
    return list(found)


def _of_scripts(run: Run) -> list[str]:
    """What users in Python found wrong, or did wrong: checks that do not hold, exceptions with their lines."""
    failed = [each for each in run.summary["checks"] if each["failed"] and not each["step"]]
    of_code = run.summary.get("user_code")
    raised = of_code["exceptions"] if of_code else ()
    return [
        *(f"the check `{each['name']}` does not hold" for each in failed),
        *(f"{each['place']}: {each['traceback'].splitlines()[-1]}" for each in raised),
    ]

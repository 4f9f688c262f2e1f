"""The page of the cases, made from what was measured and from nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from benches.page import where
from benches.results import Table
from loadcore_target.benches import same_server_page
from loadcore_target.benches.cases import DEPLOYMENTS, EARLIER, GOAL, GOAL_USERS, THINK_S
from loadcore_target.benches.known import CAPACITY, STALL_EVERY_S, STALL_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_QUIET_CORES = 0.15
_CASES = {"capacity": "a capacity", "storm": "a login storm", "stall": "stalls"}
_INTRODUCTION = f"""# The gateway under load

How the [reference gateway](gateway.md) answers 50 to 1,000 users: with one worker and several, behind balancers, with
and without a cache; what Locust, k6, k9-load and loadcore report about the same gateway; and whether loadcore finds a
capacity, a login storm and stalls that are known in advance.

Each user logs in once and then sends one request after another: 4 of 10 pass through to an upstream that takes 100 ms,
4 are for items, which are cached (in Redis) or not, and 2 for the user's own data. After each it pauses 1 to 3 s. The
rate follows from the number of users, N / ({THINK_S:g} s + mean response time), as long as nothing breaks. Figures
exclude logins and the ramp; passwords have the demo's cheap hash.

`make bench-gateway` measures everything and writes this page; `python -m loadcore_target.benches --only clients`
measures one part of it (`cases`, `clients`, `known`).
"""
_EARLIER = """
loadcore began with a load test of another gateway, made with a script, whose numbers of users these are. It reported
that every request fails with 200 users and more. That gateway was healthy: the client had run out of file descriptors,
and nothing said so.
"""


def write(parts: Mapping[str, Sequence[dict[str, Any]]], machines: Mapping[str, dict[str, str]]) -> str:
    """The page in Markdown.

    Args:
        parts: What was measured: `cases`, `clients`, `known`, or some of them.
        machines: On what each was measured.
    """
    text = [_INTRODUCTION]
    if cases := parts.get("cases"):
        text += [where(machines["cases"]), _verdict(cases), _beside_earlier(cases), _left_out(cases)]
        for cached in (True, False):
            found = [row for row in cases if row["cached"] is cached]
            if found:
                text.append(f"## Cache {'on' if cached else 'off'}\n\n{_table(found)}")
        text.append(_legend())
    if clients := parts.get("clients"):
        text.append(same_server_page.section(clients, where(machines["clients"])))
    if findings := parts.get("known"):
        text.append(_known(findings, where(machines["known"])))
    return "\n\n".join(part.strip() for part in text if part) + "\n"


def _verdict(rows: Sequence[dict[str, Any]]) -> str:
    """How long was measured, and whether the figures can be believed, from themselves."""
    unequal = sum(row["sent"] != row["received"] for row in rows)
    off = max(abs(row["requests_per_s"] / row["expected_per_s"] - 1) for row in rows)
    disturbed = sum(row["foreign_cores"] > _QUIET_CORES for row in rows)
    counts = (
        f"In {unequal} of {len(rows)} cases the replicas did not receive what loadcore sent."
        if unequal
        else "In every case the replicas received exactly as many requests as loadcore sent."
    )
    return (
        f"Users come within {rows[0]['ramp_s']} s, and {rows[0]['steady_s']} s are measured.\n{counts}\n"
        f"The rate is within {off:.1%} of the formula everywhere.\n"
        f"In {disturbed} of {len(rows)} cases other programs used more than {_QUIET_CORES:.0%} of a core: those times "
        "are too long rather than too short."
    )


def _beside_earlier(rows: Sequence[dict[str, Any]]) -> str:
    """The first deployment beside the earlier test."""
    first = rows[0]["deployment"]
    found = {row["users"]: row for row in rows if row["deployment"] == first and row["cached"]}
    lines = []
    for users, row in sorted(found.items()):
        earlier = EARLIER.get(users)
        if earlier is None:
            continue
        was = [f"{earlier.success:.0%}", *map(_maybe, (earlier.requests_per_s, earlier.mean_ms, earlier.p95_ms))]
        now = [f"{row['success']:.2%}", *(f"{row[key]:.0f}" for key in ("requests_per_s", "mean_ms", "p95_ms"))]
        lines.append([str(users), *was, *now])
        if users == GOAL_USERS:
            lines.append([f"{users}, its goal", *GOAL, *now])
    figures = ["requests/s", "mean ms", "p95 ms"]
    columns = ["users", "success then", *figures, "success now", *figures]
    return f"## Beside an earlier test: {first}\n\n{_EARLIER.strip()}\n\n{Table(columns, lines).markdown()}"


def _left_out(rows: Sequence[dict[str, Any]]) -> str:
    """The deployments that are not in the tables, by name."""
    there = {row["deployment"] for row in rows}
    cores = os.cpu_count() or 1
    lines = [
        f"- {deployment.name}: "
        + (f"it needs {deployment.cores} cores, and here are {cores}" if deployment.cores > cores else "not measured")
        for deployment in DEPLOYMENTS
        if deployment.name not in there
    ]
    return "\n".join(["Left out:\n", *lines]) if lines else ""


def _table(rows: Sequence[dict[str, Any]]) -> str:
    columns = [
        "deployment", "users", "success", "requests/s", "formula", "mean ms", "p50", "p95", "p99", "client cores",
        "busiest process", "target cores", "others", "limited by",
    ]  # fmt: skip
    lines = [
        [
            row["deployment"],
            str(row["users"]),
            f"{row['success']:.2%}",
            f"{row['requests_per_s']:.1f}",
            f"{row['expected_per_s']:.1f}",
            *(f"{row[key]:.0f}" for key in ("mean_ms", "p50_ms", "p95_ms", "p99_ms")),
            *(f"{row[key]:.2f}" for key in ("client_cores", "busiest_worker", "target_cores", "foreign_cores")),
            row["bottleneck"],
        ]
        for row in rows
    ]
    return Table(columns, lines).markdown()


def _legend() -> str:
    return """
## What the columns are

Times are response times, from when a request was due to its last byte. *formula* is N / (think time + mean response
time). *client cores* is the CPU of loadcore's worker over the whole run, the ramp included; *busiest process* that of
the process of the target that used most, *target cores* that of all of them: gateway, stub, Redis, balancer; *others*
what the rest of the machine used. *limited by the users' pauses* means that the users got all they asked for: the rate
is at least 97 % of N / (think time + 40 ms), which is what the upstream alone would take, or as much less as chance
explains: pauses are drawn, and of 300 of them the mean is known to 5 %.
"""


def _known(rows: Sequence[dict[str, Any]], on: str) -> str:
    """Figures that are known beforehand, beside those that were found."""
    lines = [
        [
            _CASES[row["case"]],
            row["figure"],
            row["must"],
            f"{row['found']:,.1f}".removesuffix(".0") + f" {row['unit']}".rstrip(),
        ]
        for row in rows
    ]
    wrong = sum(not row["holds"] for row in rows)
    verdict = f"{wrong} of them are not what they must be." if wrong else "All of them are what they must be."
    return f"""
## What is known beforehand

A gateway that serves {CAPACITY} requests a second is asked for twice as many. Users log in at once whose passwords cost
what OWASP recommends (argon2id, t=2, 19 MiB, p=1), and use the API as soon as they are in. A gateway that does nothing
for {STALL_S} s of every {STALL_EVERY_S} is asked at a constant rate, and by one user who waits for each answer before
the next request: such a user, and the gateway's own clock, see next to nothing of it.

{on}
{verdict}

{Table(["case", "figure", "must be", "found"], lines).markdown()}
"""


def _maybe(value: float | None) -> str:
    return "" if value is None else f"{value:g}"

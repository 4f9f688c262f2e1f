"""The page of the cases, made from what was measured and from nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from benches.page import where
from benches.report_cases import same_server_page
from benches.report_cases.cases import DEPLOYMENTS, HOPED, HOPED_FIGURES, HOPED_USERS, REPORTED, THINK_S
from benches.report_cases.known import CAPACITY, STALL_EVERY_S, STALL_S
from benches.results import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_QUIET_CORES = 0.15
_CASES = {"capacity": "a capacity", "storm": "a login storm", "stall": "stalls"}
_INTRODUCTION = f"""# The report's cases

loadcore grew out of a load test of an API gateway that "failed" at 200 users: every request ended in a connection
error. The gateway was healthy; the client had run out of file descriptors. These are its cases again, and those it
hoped for ({HOPED}).

Each user logs in once and then asks: 4 of 10 requests go through to an upstream that takes 100 ms, 4 are for items,
which are cached (in Redis) or not, 2 for the user's own data; after each 1 to 3 s pass. So the rate follows from the
users, N / ({THINK_S:g} s + mean response time), as long as nothing breaks. Logins and the ramp are not in the figures;
passwords have the demo's cheap hash.

`make report-cases` measures this anew and writes this page; `python -m benches.report_cases --only clients` measures
one part of it (`cases`, `clients`, `known`).
"""


def write(parts: Mapping[str, Sequence[dict[str, Any]]], machines: Mapping[str, dict[str, str]]) -> str:
    """The page in Markdown.

    Args:
        parts: What was measured: `cases`, `clients`, `known`, or some of them.
        machines: On what each was measured.
    """
    text = [_INTRODUCTION]
    if cases := parts.get("cases"):
        text += [where(machines["cases"]), _verdict(cases), _against_the_report(cases), _left_out(cases)]
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


def _against_the_report(rows: Sequence[dict[str, Any]]) -> str:
    """The first deployment beside what the report had."""
    first = rows[0]["deployment"]
    found = {row["users"]: row for row in rows if row["deployment"] == first and row["cached"]}
    lines = []
    for users, row in sorted(found.items()):
        reported = REPORTED.get(users)
        if reported is None:
            continue
        was = [f"{reported.success:.0%}", *map(_maybe, (reported.requests_per_s, reported.mean_ms, reported.p95_ms))]
        now = [f"{row['success']:.2%}", *(f"{row[key]:.0f}" for key in ("requests_per_s", "mean_ms", "p95_ms"))]
        lines.append([str(users), *was, *now])
        if users == HOPED_USERS:
            lines.append([f"{users}, as hoped", *HOPED_FIGURES, *now])
    figures = ["requests/s", "mean ms", "p95 ms"]
    columns = ["users", "success then", *figures, "success now", *figures]
    return f"## Then and now: {first}\n\n{Table(columns, lines).markdown()}"


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

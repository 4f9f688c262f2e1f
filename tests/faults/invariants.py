"""What holds for every run, whatever was done to its requests. Each function gives the violations it found."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.faults.ledger import Expected, Fault, expected
from tests.integration.recount import differences

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from loadcore.results.open.run import Run
    from tests.faults.ledger import Entry

Row = dict[str, Any]

_NS = 1_000_000_000


def row_id(row: Row) -> str:
    """The id of the request that a row is about."""
    return f"{row['user']}-{row['iteration']}"


def once(run: Run) -> list[str]:
    """I1: every iteration that was due is a row, or is known not to have been started; no row stands twice."""
    rows = run.requests.to_pylist()
    ids = Counter(row_id(row) for row in rows)
    found = [f"{name} stands {count} times" for name, count in ids.items() if count > 1]
    for scenario in run.summary["load"]["scenarios"]:
        counts = scenario["iterations"]
        started = counts["completed"] + counts["failed"] + counts["interrupted"]
        if counts["started"] != started or counts["started"] != len(rows):
            found.append(f"iterations: {counts} but {len(rows)} rows")
        if scenario["model"] == "open" and counts["due"] != counts["started"] + counts["dropped"]:
            found.append(f"arrivals: {counts}")
    return found


def report(run: Run) -> list[str]:
    """I2: every number of the summary follows from the rows; the sealed files are as they were written."""
    return [*differences(run.summary, run.requests), *run.verify()]


def served(
    run: Run,
    entries: dict[str, list[Entry]],
    by_gateway: Counter[str],
    unread: AbstractSet[str] = frozenset(),
) -> list[str]:
    """I3: what was sent is what was read; nothing is ok that was not served, nothing was served that is unknown.

    A request of an outcome in `unread` may have been sent without being read.
    """
    rows = {row_id(row): row for row in run.requests.to_pylist()}
    found = [f"{name} was read but has no row" for name in entries.keys() - rows.keys()]
    found += [f"{name} was served but has no row" for name in by_gateway.keys() - rows.keys()]
    for name, row in rows.items():
        read = len(entries.get(name, []))
        if row["attempts"] != read and not (row["outcome"] in unread and read <= row["attempts"]):
            found.append(f"{name}: sent {row['attempts']} times, read {read} times: {row}")
        if row["outcome"] == "ok" and name not in by_gateway and row["status"] != 408:
            found.append(f"{name} is ok but was not served")
    return found


def ledger(run: Run, entries: dict[str, list[Entry]]) -> list[str]:
    """I4: each request is reported as what was done to it, and surplus bytes are those of the ledger."""
    found = []
    wanted: Counter[str] = Counter()
    surplus = 0
    for row in run.requests.to_pylist():
        read = entries.get(row_id(row), [])
        should = expected(read) if read else Expected(row["outcome"], 0, None)
        wanted[should.outcome] += 1
        surplus += should.surplus
        if (row["outcome"], row["status"]) != (should.outcome, should.status):
            found.append(f"{row_id(row)}: {row['outcome']} {row['status']} but {should}: {read}")
    reported = Counter(run.requests.column("outcome").to_pylist())
    if reported != wanted:
        found.append(f"by class: reported {reported}, ledger {wanted}")
    counted = sum(row["surplus_bytes"] or 0 for row in run.windows.select(["surplus_bytes"]).to_pylist())
    # A 408 on an idle connection is seen when the connection is wanted again, which at the end of a run it is not.
    if not surplus <= counted <= surplus + _late_bytes(run, entries):
        found.append(f"surplus: {counted} bytes reported, {surplus} sent")
    return found


def _late_bytes(run: Run, entries: dict[str, list[Entry]]) -> int:
    """More than all late 408s together."""
    connections = {entry.connection for read in entries.values() for entry in read}
    return 200 * len(connections) if run.summary["all"]["requests"] else 0


def own_answers(run: Run, entries: dict[str, list[Entry]]) -> list[str]:
    """I5: an answer of another request is noticed by the check, and there is none but those that the proxy swapped."""
    rows = [row for row in run.requests.to_pylist() if row["outcome"] == "ok"]
    strange = sum(not expected(entries[row_id(row)]).own_answer for row in rows)
    windows = run.windows.select(["kind", "count", "errors"]).to_pylist()
    checks = [(row["count"], row["errors"]) for row in windows if row["kind"] == "check"]
    evaluated, failed = sum(count for count, _ in checks), sum(errors for _, errors in checks)
    if (evaluated, failed) == (len(rows), strange):
        return []
    return [f"{failed} of {evaluated} checks failed, {strange} of {len(rows)} answers were not the request's own"]


def times(run: Run, total_s: float) -> list[str]:
    """I6: no time is negative or out of order, and none timed out before its time.

    That none times out after its time is shown in virtual time, where no other program delays the timer.
    """
    found = []
    for row in run.requests.to_pylist():
        service, ttfb = row["service_ns"], row["ttfb_ns"]
        if row["lag_ns"] < 0 or row["response_ns"] < 0 or (service is not None and service < (ttfb or 0)):
            found.append(f"times of {row}")
        if row["outcome"].startswith("timeout_") and service < total_s * _NS * 0.99:
            found.append(f"{row_id(row)} timed out after {service / _NS:.3f} s")
    return found


def bounds(run: Run, connections: int) -> list[str]:
    """I7: no more descriptors than connections and a few."""
    rows = run.windows.select(["kind", "open_fds"]).to_pylist()
    most = max(row["open_fds"] or 0 for row in rows if row["kind"] == "worker")
    return [] if most <= connections + 64 else [f"{most} descriptors for {connections} connections"]


def schedule(run: Run, per_second: int) -> list[str]:
    """I9: in each second as many iterations were due as the plan says, whatever the target did."""
    rows = run.requests.to_pylist()
    (scenario,) = run.summary["load"]["scenarios"]
    seconds = Counter(row["offset_ns"] // _NS for row in rows)
    planned = scenario["iterations"]["due"] / per_second
    short = {second: count for second, count in seconds.items() if count > per_second}
    missing = per_second * planned - sum(seconds.values()) - scenario["iterations"]["dropped"]
    found = [f"too many in a second: {short}"] if short else []
    return [*found, f"{missing} iterations are missing"] if missing else found


def chosen(entries: dict[str, list[Entry]], faults: tuple[Fault, ...]) -> list[str]:
    """That the test tested something: each fault was done at least once."""
    done = {entry.fault for read in entries.values() for entry in read}
    return [f"{fault} was never done" for fault in faults if fault not in done and fault != Fault.LATE_408]

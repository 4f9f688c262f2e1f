"""The tables of a run's page, as rows of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from loadcore.plan.traces import link, trace_of
from loadcore.report import beside, numbers, uncertain
from loadcore.report.glyphs import UNICODE
from loadcore.report.html.sentences import sentence
from loadcore.report.html.spark import spark_of
from loadcore.report.samples import reason_of, reasons
from loadcore.report.tables import merged, seen, step_row, what_of
from loadcore.wording.outcomes import ANSWERED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.report.html.history import History
    from loadcore.report.html.spark import Spark
    from loadcore.results.sum.tally import StepKey

_MOST_ERRORS: Final = 50
_SAMPLE_BODY: Final = 200
"""Characters of a sample's body that are shown."""


class Column(NamedTuple):
    """The heading of a column.

    Attributes:
        title: Its words.
        is_number: Whether it is aligned right, and sorted as numbers.
        hint: What it means, where the title does not say it.
    """

    title: str
    is_number: bool = True
    hint: str = ""


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: What is read.
        beside: Something smaller after it: an interval.
        role: `bad` or `good`, beside what the text says.
        sort: By what it is sorted; its text if None.
        spark: A small curve in place of the text.
        link: Where the text leads.
    """

    text: str
    beside: str = ""
    role: str = ""
    sort: float | None = None
    spark: Spark | None = None
    link: str = ""


@dataclass(frozen=True)
class Table:
    """A table with what has to be known to read it.

    Attributes:
        key: Its name in the page.
        caption: What it shows.
        columns: The headings; the first column names the rows.
        rows: The cells.
        notes: Sentences below it.
        total: Whether the last row is the sum of the others, and stays last.
    """

    key: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    total: bool = False


_STEP_COLUMNS: Final = (
    Column("Step", is_number=False),
    Column("Requests"),
    Column("Answered/s", hint="Responses per second of the measured part"),
    Column("Errors"),
    Column("p50", hint="Of response times: from due to the last byte. In brackets the 95 % interval"),
    Column("p95", hint="Of response times. In brackets the 95 % interval"),
    Column("p99", hint="Of response times. In brackets the 95 % interval"),
    Column("Max"),
    Column("p95 over time", is_number=False, hint="Of response times, from the start to the end of the run"),
)


def steps(history: History) -> Table:
    """The steps of iterations, and all of them together."""
    summary = history.summary
    found = [step for step in summary["steps"] if step["section"] == "main"]
    rows = [_step_cells(history, step, _name_of(step, found)) for step in found]
    notes = ["Response times: from when a request was due to its last byte."]
    notes += beside.of(found, UNICODE) + uncertain.of(summary["all"], UNICODE)
    notes += [f"{each['name']} made no request." for each in found if not each["requests"]]
    if len(found) > 1:
        rows.append(_step_cells(history, summary["all"], "All steps"))
    return Table("steps", "Every step", _STEP_COLUMNS, rows, [sentence(each) for each in notes], total=len(found) > 1)


def apart(history: History) -> Table | None:
    """Token calls and what users do once, over the whole run; None if there are none."""
    words = {"auth": "token call", "start": "start of a user"}
    found = [each for each in history.summary["steps"] if each["section"] in words and each["requests"]]
    if not found:
        return None
    rows = [_step_cells(history, step, f"{_name_of(step, found)} ({words[step['section']]})") for step in found]
    note = "Counted over the whole run, and not among the requests and percentiles above."
    return Table("apart", "Tokens and starts of users", _STEP_COLUMNS, rows, [note])


def errors(history: History) -> Table | None:
    """What went wrong, from when to when, and why; None if nothing did."""
    found = merged(history.summary["errors"])
    if not found:
        return None
    known = reasons(history.summary)
    columns = (
        Column("Error", is_number=False),
        Column("Step", is_number=False),
        Column("Count"),
        Column("First and last seen", is_number=False),
        Column("Why", is_number=False),
    )
    rows = [
        [
            Cell(what_of(error), role="bad"),
            Cell(error["step"]),
            Cell(numbers.count(error["count"]), sort=error["count"]),
            Cell(seen(error, UNICODE), sort=error["first_s"]),
            Cell(_why(error, known)),
        ]
        for error in found[:_MOST_ERRORS]
    ]
    more = len(found) - _MOST_ERRORS
    return Table(
        "error-kinds", "Errors by kind and step", columns, rows, [f"{more} more in summary.json."] if more > 0 else []
    )


def groups(history: History) -> Table | None:
    """Groups of steps, each timed as one."""
    found = [group for group in history.summary["groups"] if group["count"]]
    if not found:
        return None
    columns = (
        Column("Group", is_number=False),
        Column("Ended"),
        Column("Failed"),
        *map(Column, ("p50", "p95", "p99", "Max")),
    )
    rows = [
        [
            Cell(group["name"]),
            Cell(numbers.count(group["count"]), sort=group["count"]),
            _share(group["failed"], group["count"]),
            *(_time(group["duration"][name]) for name in ("p50_ns", "p95_ns", "p99_ns", "max_ns")),
        ]
        for group in found
    ]
    return Table("groups", "Groups", columns, rows)


def checks(history: History) -> Table | None:
    """Every check with how often it was made and failed."""
    found = [check for check in history.summary["checks"] if check["evaluated"]]
    if not found:
        return None
    columns = (
        Column("Check", is_number=False),
        Column("Step", is_number=False),
        Column("Made"),
        Column("Failed"),
        Column("Rate"),
    )
    rows = [
        [
            Cell(check["name"]),
            Cell(check["step"]),
            Cell(numbers.count(check["evaluated"]), sort=check["evaluated"]),
            Cell(numbers.count(check["failed"]), sort=check["failed"], role="bad" if check["failed"] else ""),
            Cell(
                numbers.percent(1 - check["failed"] / check["evaluated"]), sort=1 - check["failed"] / check["evaluated"]
            ),
        ]
        for check in sorted(found, key=lambda check: -int(check["failed"]))
    ]
    return Table("checks", "Checks", columns, rows)


def workers(history: History) -> Table | None:
    """How each worker did."""
    found = history.summary["client"]["workers"]
    if not found:
        return None
    columns = (
        Column("Worker", is_number=False),
        Column("CPU", hint="Of the engine thread, of one core, over the run"),
        Column("CPU, busiest second"),
        Column("Lag p99", hint="How late requests were sent"),
        Column("Lag max"),
        Column("Files", hint="Descriptors open at most, and the limit"),
        Column("Rows"),
        Column("Ended", is_number=False),
    )
    return Table("workers", "Workers", columns, [_worker_cells(each) for each in found])


def traces(history: History) -> Table | None:
    """The slowest requests that carried a `traceparent`; None if none did."""
    found = history.summary.get("traces")
    if found is None or not found["slowest"]:
        return None
    columns = (
        Column("Trace", is_number=False),
        Column("Step", is_number=False),
        Column("Service", hint="From sent to the last byte"),
        Column("Response", hint="From due to the last byte"),
        Column("Ended", hint="Since the start of the run"),
        Column("Result", is_number=False),
    )
    rows = [
        [
            Cell(each["trace_id"], link=link(found["url"], each["trace_id"])),
            Cell(each["step"]),
            _time(each["service_ns"]),
            _time(each["response_ns"]),
            Cell(numbers.clock(each["end_s"]), sort=each["end_s"]),
            Cell(_result(each), role="" if each["outcome"] in ANSWERED else "bad"),
        ]
        for each in found["slowest"]
    ]
    share = f"{100 * found['sample']:g}%"
    return Table("traces", "The slowest traced requests", columns, rows, [f"{share} of the requests were traced."])


def _result(traced: Mapping[str, Any]) -> str:
    return f"status {traced['status']}" if traced["outcome"] == "ok" else str(traced["outcome"])


def samples(history: History) -> list[dict[str, Any]]:
    """What failures looked like: the first of each kind, as the page shows it."""
    url = (history.summary.get("traces") or {}).get("url")
    return [_sample(each, url) for each in history.summary.get("samples", ())]


def _sample(sample: Mapping[str, Any], trace_url: str | None) -> dict[str, Any]:
    request, response = sample["request"] or {}, sample["response"] or {}
    trace_id = trace_of(request.get("headers", ()))
    body = str(response.get("body", ""))
    cut = len(body) > _SAMPLE_BODY or response.get("cut")
    return {
        "step": sample["step"],
        "what": sample["what"] if sample["kind"] in {"status", "outcome"} else f"{sample['kind']} {sample['what']}",
        "at": numbers.clock(sample["ended_ns"] / 1e9),
        "reason": sample["reason"],
        "trace": Cell(trace_id, link=link(trace_url, trace_id)) if trace_id else None,
        "request": request.get("line", ""),
        "response": response.get("line", ""),
        "body": body[:_SAMPLE_BODY] + ("…" if cut else ""),
    }


def _step_cells(history: History, step: Mapping[str, Any], name: str) -> list[Cell]:
    row = step_row(name, step)
    ends = row.intervals or [(None, None)] * 3
    cells = [
        Cell(name),
        Cell(numbers.count(row.requests), sort=row.requests),
        Cell(numbers.rate(row.requests_per_s), sort=row.requests_per_s or 0),
        Cell(numbers.percent(row.error_rate), sort=row.error_rate or 0, role="bad" if row.errors else ""),
    ]
    for value, (low, high) in zip((row.p50_ns, row.p95_ns, row.p99_ns), ends, strict=True):
        told, inside = (numbers.NONE, "") if value is None else numbers.between(value, low, high)
        cells.append(Cell(told, beside=inside, sort=value or 0))
    cells.append(_time(row.max_ns))
    cells.append(Cell("", spark=spark_of(history, _key_of(step)), sort=row.p95_ns or 0))
    return cells


def _key_of(step: Mapping[str, Any]) -> StepKey | None:
    """By what the timeline knows a step; None: all of them."""
    return None if step["scenario"] == "" else (step["scenario"], step["section"], step["name"])


def _name_of(step: Mapping[str, Any], among: Sequence[Mapping[str, Any]]) -> str:
    several = len({each["scenario"] for each in among}) > 1
    return f"{step['scenario']}: {step['name']}" if several else str(step["name"])


def _time(nanoseconds: int | None) -> Cell:
    return Cell(numbers.duration(nanoseconds), sort=nanoseconds or 0)


def _share(part: int, whole: int) -> Cell:
    return Cell(numbers.percent(part / whole), sort=part / whole, role="bad" if part else "")


def _why(error: Mapping[str, Any], known: Mapping[tuple[str, str, str], str]) -> str:
    policy = error.get("policy")
    said = reason_of(error, known) or error.get("cause") or ""
    by_policy = f"by policy ({policy.replace('_', ' ')}), rather than a failure" if policy else ""
    return "; ".join(filter(None, (by_policy, said[:_SAMPLE_BODY])))


def _worker_cells(worker: Mapping[str, Any]) -> list[Cell]:
    limit = f" of {numbers.count(worker['fd_limit'])}" if worker.get("fd_limit") else ""
    lost = worker.get("rows_lost") or worker.get("rows_dropped") or 0
    return [
        Cell(str(worker["worker"]), sort=worker["worker"]),
        Cell(numbers.percent(worker.get("cpu_ratio")), sort=worker.get("cpu_ratio") or 0),
        Cell(numbers.percent(worker.get("cpu_ratio_max")), sort=worker.get("cpu_ratio_max") or 0),
        _time(worker.get("lag_p99_ns")),
        _time(worker.get("lag_max_ns")),
        Cell(f"{numbers.count(worker.get('open_fds_max'))}{limit}", sort=worker.get("open_fds_max") or 0),
        Cell(
            numbers.count(worker.get("rows")) + (f" ({numbers.count(lost)} lost)" if lost else ""),
            sort=worker.get("rows") or 0,
            role="bad" if lost else "",
        ),
        Cell(str(worker.get("ended") or "unknown"), role="bad" if worker.get("ended") == "lost" else ""),
    ]

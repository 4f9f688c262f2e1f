"""A run as JUnit XML: suites are scenarios; cases are thresholds, checks, the client and the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from loadcore.errors import ExitCode
from loadcore.report import numbers
from loadcore.report.escaping import one_line
from loadcore.report.glyphs import UNICODE
from loadcore.report.headline import headline
from loadcore.report.text import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Summary = Mapping[str, Any]

_TIMES = ("p50_ns", "p95_ns", "p99_ns", "max_ns")


def render(summary: Summary) -> str:
    """The document. A threshold without data, and a run without any, are errors; what does not hold is a failure."""
    scenarios = summary["load"]["scenarios"]
    one = len(scenarios) == 1
    root = ET.Element("testsuites", name=one_line(str(summary["name"])))
    if not one:
        _suite(root, summary, str(summary["name"]), _of_run(summary), summary["all"])
    for scenario in scenarios:
        name = str(scenario["name"])
        cases = [*(_of_run(summary) if one else ()), *_checks(summary, name)]
        _suite(root, summary, name, cases, summary["all"] if one else None)
    for total in ("tests", "failures", "errors"):
        root.set(total, str(sum(int(suite.get(total, 0)) for suite in root)))
    root.set("time", f"{summary['duration_s']:.3f}")
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, summary: Summary, name: str, cases: Iterable[ET.Element], whole: Any) -> None:  # noqa: ANN401 - of a summary
    found = [*cases]
    suite = ET.SubElement(root, "testsuite", name=one_line(name))
    suite.set("tests", str(len(found)))
    for kind, tag in (("failures", "failure"), ("errors", "error")):
        suite.set(kind, str(sum(case.find(tag) is not None for case in found)))
    suite.set("skipped", "0")
    suite.set("time", f"{summary['duration_s']:.3f}")
    suite.set("timestamp", str(summary["started_at"])[:19])
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(summary, whole):
        ET.SubElement(properties, "property", name=key, value=one_line(value))
    for case in found:
        case.set("classname", one_line(f"loadcore.{name}"))
        suite.append(case)


def _properties(summary: Summary, whole: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    yield "run_id", str(summary["run_id"])
    yield "plan_sha256", str(summary["plan_sha256"])
    for key, value in (summary.get("tags") or {}).items():
        yield f"tag.{one_line(key)}", str(value)
    if whole is None:
        return
    yield "requests", str(whole["requests"])
    yield "errors", str(whole["errors"])
    yield "requests_per_s", numbers.rate(whole["requests_per_s"])
    for name in _TIMES:
        yield f"response.{name.removesuffix('_ns')}", numbers.duration(whole["response"][name])


def _of_run(summary: Summary) -> list[ET.Element]:
    """What holds or does not for the run as a whole. A run that does not exit with 0 has a case that fails."""
    cases = [*map(_threshold, summary["thresholds"]), *_of_validity(summary)]
    is_green = all(case.find(tag) is None for case in cases for tag in ("failure", "error"))
    if is_green and summary["verdict"]["exit_codes"] != [ExitCode.PASS]:
        # Exceptions of user code, or an exit code that the user's file asks for.
        case, found = _case("verdict"), headline(summary)
        _fail(case, "failure", f"{found.word}: exit code {summary['exit_code']}", "; ".join(found.reasons))
        cases.append(case)
    return cases


def _of_validity(summary: Summary) -> Iterator[ET.Element]:
    """Whether there is data, whether the client kept up, and whether the run came to its end."""
    codes, reasons = summary["verdict"]["exit_codes"], "; ".join(summary["verdict"]["reasons"])
    data = _case("has data")
    if ExitCode.NO_DATA in codes:
        _fail(data, "error", "no data", reasons)
    yield data
    client = _case("client healthy")
    decisive = [each for each in summary["findings"] if each["subject"] in {"client", "script", "other programs"}]
    said = "\n".join(f"{each['message']}\n  {each['advice']}" for each in decisive if each["severity"] != "note")
    if ExitCode.INVALID in codes:
        _fail(client, "failure", "the measurement is invalid", said or reasons)
    elif said:
        ET.SubElement(client, "system-out").text = _text(said)
    yield client
    others = {ExitCode.BUG, ExitCode.SCENARIO_RAISED, ExitCode.ABORTED, ExitCode.INTERRUPTED, ExitCode.TERMINATED}
    ended = _case("came to its end")
    if others & set(codes):
        _fail(ended, "error", "the run did not come to its end", reasons)
    yield ended


def _threshold(entry: Mapping[str, Any]) -> ET.Element:
    case = _case(str(entry["expression"]))
    measured = quantity(entry["value"], entry["unit"], UNICODE)
    if entry["state"] == "no_data":
        _fail(case, "error", "no data", f"{entry['expression']}: nothing was measured that it is about")
    elif entry["state"] == "fail":
        limit = quantity(entry["limit"], entry["unit"], UNICODE)
        ended = "; it ended the run" if entry.get("ended_run") else ""
        _fail(
            case, "failure", f"measured {measured}", f"{entry['expression']}: {measured}, the limit is {limit}{ended}"
        )
    return case


def _checks(summary: Summary, scenario: str) -> Iterator[ET.Element]:
    """Checks that were made. One that failed now and then is a failure: the share that may fail is a threshold's."""
    for check in summary["checks"]:
        if check["scenario"] != scenario or not check["evaluated"]:
            continue
        case = _case(f"{check['step']}: {check['name']}")
        if check["failed"]:
            share = numbers.percent(check["failed"] / check["evaluated"])
            said = f"failed {numbers.count(check['failed'])} of {numbers.count(check['evaluated'])} times ({share})"
            _fail(case, "failure", said, said)
        yield case


def _case(name: str) -> ET.Element:
    return ET.Element("testcase", name=one_line(name), time="0")


def _fail(case: ET.Element, tag: str, message: str, text: str) -> None:
    found = ET.SubElement(case, tag, message=one_line(message), type=tag)
    found.text = _text(text)


def _text(text: str) -> str:
    """Lines as they are, without what XML cannot hold."""
    return "\n".join(one_line(line) for line in text.splitlines())

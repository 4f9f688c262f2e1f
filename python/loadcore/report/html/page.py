"""Puts the page of a run together."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from loadcore.errors import ResultsError
from loadcore.report import numbers
from loadcore.report.changes import load_in_short
from loadcore.report.glyphs import UNICODE
from loadcore.report.headline import headline
from loadcore.report.html import charts, node_table, spark, table
from loadcore.report.html.history import History
from loadcore.report.html.sentences import sentence
from loadcore.report.html.story import story_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Template

    from loadcore.report.html.chart import Chart
    from loadcore.results.open.run import Run

_SCRIPTS = ("uPlot.iife.min.js", "charts.js")
_STYLES = ("uPlot.min.css", "page.css")


@dataclass(frozen=True)
class Tile:
    """One of the large numbers."""

    label: str
    value: str
    beside: str = ""
    role: str = ""


def render(run: Run) -> str:
    """The page of a run, as HTML. It loads nothing from anywhere.

    Raises:
        ResultsError: The files of the run hold numbers that no run could have.
    """
    try:
        return page_of(History.of(run))
    except ArithmeticError as problem:
        # The shape of what was read has been checked, and not how large its numbers are.
        raise ResultsError(f"{run.path} does not contain a run that can be shown: {problem}") from problem


def page_of(history: History) -> str:
    """The page of a run that has been read."""
    return _whole(history, _SCRIPTS, live=False)


def live_page_of(history: History) -> str:
    """The same as it is served: it asks its server for what is new."""
    return _whole(history, (*_SCRIPTS, "live.js", "control.js"), live=True)


def state_of(history: History) -> dict[str, Any]:
    """What changes of a page with its run: a part of it as HTML, and what its script draws."""
    content = _content(history)
    return {"html": str(_template("main.html").render(content)), "data": _data_of(history, content)}


def _whole(history: History, names: Sequence[str], *, live: bool) -> str:
    summary = history.summary
    scripts, styles = [_asset(name) for name in names], [_asset(name) for name in _STYLES]
    content = _content(history)
    page = _template("page.html").render(
        content,
        live=live,
        title=f"{summary['name']}: {headline(summary).word}",
        policy=_policy(scripts, styles, live=live),
        scripts=scripts,
        styles=styles,
        data=packed(_data_of(history, content)),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    )
    return str(page)


def _content(history: History) -> dict[str, Any]:
    """What the part that changes is made of."""
    summary = history.summary
    return {
        "summary": summary,
        "head": headline(summary),
        "facts": heading_of(history),
        "story": story_of(history),
        "tiles": tiles_of(summary),
        "sections": sections_of(history),
        "steps": table.steps(history),
        "groups": table.groups(history),
        "checks": table.checks(history),
        "apart": table.apart(history),
        "traces": table.traces(history),
        "errors": table.errors(history),
        "nodes": node_table.nodes(history),
        "workers": table.workers(history),
        "samples": table.samples(history),
        "machine": machine_of(summary),
        "again": again_of(history),
        "missing": history.missing,
        "spark": (spark.WIDTH, spark.HEIGHT),
    }


def sections_of(history: History) -> dict[str, list[Chart]]:
    """The charts by the part of the page that they are in."""
    return {
        "load": charts.load_charts(history),
        "times": charts.time_charts(history),
        "errors": charts.error_charts(history),
        "connections": charts.connection_charts(history),
        "client": charts.client_charts(history),
    }


def _data_of(history: History, content: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's script draws, of what the page is made of."""
    moments = history.moments
    return {
        "from": [each.from_s for each in moments],
        "seconds": [round(each.seconds, 3) for each in moments],
        "phases": phases_of(history),
        "marks": [mark.to_json() for mark in content["story"].marks],
        "charts": [chart.to_json() for each in content["sections"].values() for chart in each],
    }


def phases_of(history: History) -> list[tuple[float, float, str]]:
    """Stretches of one phase: from, to, and its name."""
    found: list[tuple[float, float, str]] = []
    for each in history.moments:
        if found and found[-1][2] in {each.phase, ""}:
            found[-1] = (found[-1][0], each.to_s, found[-1][2] or each.phase)
        elif found and not each.phase:
            found[-1] = (found[-1][0], each.to_s, found[-1][2])
        else:
            found.append((each.from_s, each.to_s, each.phase))
    return found


def packed(data: Mapping[str, Any]) -> str:
    """The data as the page carries it: JSON, compressed, in characters that mean nothing in HTML."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")


def tiles_of(summary: Mapping[str, Any]) -> list[Tile]:
    """The numbers that are asked for first."""
    everything = summary["all"]
    rates = [scenario["rates"]["answered_per_s"] for scenario in summary["load"]["scenarios"]]
    answered = everything["requests_per_s"] if len(rates) != 1 else rates[0]
    error_rate = everything["error_rate"]
    tiles = [
        Tile("Requests", numbers.count(everything["requests"]), "in the steady phase"),
        Tile("Answered", f"{numbers.rate(answered)}/s", f"for {numbers.span(summary['steady_s'])}"),
        Tile("Errors", numbers.percent(error_rate), numbers.count(everything["errors"]), "bad" if error_rate else ""),
    ]
    times = everything["response"]
    intervals = times.get("intervals") or {}
    for name in ("p50", "p95", "p99"):
        value, ends = times[f"{name}_ns"], intervals.get(name) or {}
        told, inside = (
            (numbers.NONE, "") if value is None else numbers.between(value, ends.get("low_ns"), ends.get("high_ns"))
        )
        tiles.append(Tile(f"Response {name}", told, inside))
    return tiles


def heading_of(history: History) -> list[tuple[str, str]]:
    """What ran, against what, under which load."""
    summary = history.summary
    scenarios = summary["load"]["scenarios"]
    targets = list(dict.fromkeys(str(each["base_url"]) for each in scenarios if each["base_url"]))
    loads = [
        (f"{each['name']}: " if len(scenarios) > 1 else "") + load_in_short(each, summary, UNICODE)
        for each in scenarios
    ]
    found = [
        ("Run", str(summary["run_id"])),
        ("Started", _moment(str(summary["started_at"]))),
        ("Duration", numbers.span(summary["duration_s"])),
        ("Target", ", ".join(targets) or "unknown"),
        ("Load", "; ".join(filter(None, loads))),
    ]
    return [(name, text) for name, text in found if text]


def machine_of(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The machine and the versions that the numbers are of."""
    machine, limits = summary["machine"], summary["limits"]
    memory = machine.get("memory_bytes")
    found = [
        ("Processor", machine.get("cpu")),
        ("Cores", _of(limits.get("cores"), machine.get("cores"), "usable of")),
        ("Memory", numbers.size(memory) if memory else None),
        ("System", " ".join(str(machine[name]) for name in ("system", "kernel", "architecture") if machine.get(name))),
        ("Open files", _of(limits.get("files_soft"), limits.get("files_hard"), "of at most")),
        ("Local ports", numbers.count(limits["local_ports"]) if limits.get("local_ports") else None),
        ("CPU pressure before", f"{limits['cpu_pressure']:g} %" if limits.get("cpu_pressure") is not None else None),
        *((name, str(version)) for name, version in summary["versions"].items()),
        ("Seed", str(summary["seed"])),
        ("Plan", str(summary["plan_sha256"])[:16]),
    ]
    calibration = summary.get("calibration")
    if calibration:
        found.append(("Calibrated", f"drives {numbers.rate(calibration['drives_per_s'])}/s of this"))
    return [(name, text) for name, text in found if text]


def again_of(history: History) -> dict[str, str]:
    """The command that repeats the run, as far as it is known."""
    command = history.start.command if history.start is not None else None
    seed = f" --seed {history.summary['seed']}"
    return {"command": command + ("" if command is None or "--seed" in command else seed) if command else ""}


def _of(value: float | None, whole: float | None, words: str) -> str | None:
    if value is None or whole is None:
        return None
    shown = f"{value:g}" if value < 1000 else numbers.count(value)  # noqa: PLR2004 - a thousand
    return f"{shown} {words} {numbers.count(whole)}" if value != whole else shown


def _moment(iso: str) -> str:
    """A time of the wall clock, in UTC."""
    try:
        return datetime.fromisoformat(iso).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return iso


def _policy(scripts: Sequence[str], styles: Sequence[str], *, live: bool) -> str:
    """What a browser lets the page do: run the scripts in it, and nothing from anywhere but its own server."""
    of_scripts, of_styles = (" ".join(map(_hash, each)) for each in (scripts, styles))
    server = "; connect-src 'self'" if live else ""
    return (
        f"default-src 'none'; script-src {of_scripts}; style-src {of_styles}; "
        f"base-uri 'none'; form-action 'none'{server}"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


@cache
def _asset(name: str) -> str:
    return files("loadcore.report.html").joinpath("assets", name).read_text("utf-8").strip()


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FunctionLoader(_asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["sentence"] = sentence
    return environment.get_template(name)

"""The summary of a run as text for a terminal, a log or a mail.

The order is that of the reader's questions: did it pass, how fast was it, what failed, could the client keep up, how
much was really sent. A block without content is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadcore.judge.headroom import told
from loadcore.report import numbers, tables, uncertain, user_code
from loadcore.report.changes import changes, load_in_short
from loadcore.report.glyphs import UNICODE, Glyphs, printable
from loadcore.report.headline import headline
from loadcore.report.layout import Cell, Column, Page, Role, command_line, facts, sentence, table
from loadcore.results.sum.absences import unused_told
from loadcore.results.sum.causes import idle

Summary = Mapping[str, Any]
"""The content of `summary.json`."""

_SECTIONS = (("main", "STEP"), ("start", "START"), ("auth", "AUTH"), ("user", "MEASURED"))
_SHORT_ID = 10
_LABEL = 9
_COUNTED_FROM_S = 2
_WHOLE = 999.5
"""From here on a number has no decimals, and groups of three digits."""
_FINDINGS = 3
"""About the target: the others are in the JSON document."""


def render(summary: Summary, page: Page | None = None) -> str:
    """The whole report, without a line break at its end.

    Args:
        summary: The content of a run's `summary.json`.
        page: Width, characters and colours; 80 cells of plain Unicode if not given.
    """
    page = page or Page(80, UNICODE)
    blocks = (
        title(summary, page),
        verdict(summary, page),
        thresholds(summary, page),
        *(tables.steps(summary, section, heading, page) for section, heading in _SECTIONS),
        tables.groups(summary, page),
        tables.checks(summary, page),
        tables.errors(summary, page),
        user_code.section(summary, page),
        tables.traces(summary, page),
        [*limit(summary, page), *client(summary, page), *nodes(summary, page), *load(summary, page)],
    )
    return "\n\n".join("\n".join(block) for block in blocks if block)


def nodes(summary: Summary, page: Page) -> list[str]:
    """The machines of a run on several, each with its share and how it did."""
    lines: list[str] = []
    for node in summary.get("nodes", ()):
        lost = node["lost"]
        mark, role = (page.glyphs.bad, Role.BAD) if lost or node["client"] == "client_limited" else ("", Role.QUIET)
        parts = [Cell(f"{node['name']} {mark}".rstrip(), role), Cell(f"{node['share']:.0%} of the load")]
        parts.append(Cell(f"{numbers.count(node['requests'], page.glyphs)} requests"))
        if node["started_late_ns"] or not lost:
            parts.append(Cell(f"started {node['started_late_ns'] / 1e6:.1f} ms late"))
        parts.append(Cell(f"clock to {node['clock_bound_ns'] / 1e6:.2f} ms"))
        if node["client"] != "healthy":
            parts.append(Cell("it was the limit" if node["client"] == "client_limited" else "suspect"))
        if lost:
            when = "" if lost["after_s"] is None else f" after {lost['after_s']:.1f} s"
            parts.append(Cell(f"lost{when}: {printable(lost['reason'], page.glyphs)}", Role.BAD))
            parts += [Cell(each, Role.BAD) for each in absent(lost)]
        lines += facts(Cell("" if lines else "NODES"), parts, page)
    if lines:
        apart = [Cell(f"began at most {summary.get('start_skew_ns', 0) / 1e6:.1f} ms apart")]
        gone = sum(scenario.get("missing_iterations", 0) for scenario in summary["load"]["scenarios"])
        if gone:
            apart.append(Cell(f"{numbers.count(gone, page.glyphs)} iterations of lost nodes are missing", Role.BAD))
        lines += facts(Cell(""), apart, page)
    return lines


def absent(lost: Mapping[str, Any]) -> list[str]:
    """What is missing because a node was lost, in words."""
    found = [f"{lost['missing_share']:.1%} of the run's load is missing"]
    if carried := lost["carried_on"]:
        found.append(f"{', '.join(carried['by'])} carried on from {carried['from_s']:.1f} s")
    return found + unused_told(lost["unused_rows"])


def title(summary: Summary, page: Page) -> list[str]:
    """What ran, against what, under which load, for how long."""
    scenarios = summary["load"]["scenarios"]
    targets = dict.fromkeys(str(scenario["base_url"]) for scenario in scenarios if scenario["base_url"])
    parts = [printable(text, page.glyphs) for text in (str(summary["name"]), *targets)]
    for scenario in scenarios:
        load = load_in_short(scenario, summary, page.glyphs)
        name = f"{printable(scenario['name'], page.glyphs)}: " if len(scenarios) > 1 and load else ""
        parts.append(name + load)
    parts += [numbers.span(summary["duration_s"]), f"run {str(summary['run_id'])[:_SHORT_ID]}"]
    return facts(Cell(""), [Cell(part) for part in parts if part], page, indent=0)


def verdict(summary: Summary, page: Page) -> list[str]:
    """One word, and why. A run that passed with doubts starts with the doubts."""
    glyphs = page.glyphs
    word, role, is_known, reasons, doubts = headline(summary)
    mark = glyphs.unknown if not is_known else glyphs.good if role is Role.GOOD else glyphs.bad
    reasons = [printable(reason, glyphs) for reason in reasons]
    label = f"{mark} {word}   "
    lines = sentence(Cell(label, role), reasons[0], page)
    for reason in reasons[1:]:
        lines += sentence(Cell(" " * len(label)), reason, page)
    for advice in summary["verdict"].get("advice", ()):
        lines += sentence(Cell(f"{' ' * len(label)}{glyphs.arrow} "), printable(str(advice), glyphs), page)
    for doubt in doubts:
        lines += sentence(Cell(" " * len(label), Role.WARNING), f"suspect: {printable(str(doubt), glyphs)}", page)
    for note in summary["verdict"].get("notes", ()):
        lines += sentence(Cell(" " * len(label), Role.WARNING), printable(str(note), glyphs), page)
    return lines


def thresholds(summary: Summary, page: Page) -> list[str]:
    """Each threshold with what was measured."""
    glyphs = page.glyphs
    marks = {
        "pass": (glyphs.good, Role.GOOD, ""),
        "fail": (glyphs.bad, Role.BAD, "crossed"),
        "no_data": (glyphs.unknown, Role.BAD, "no data"),
    }
    rows = []
    for threshold in summary["thresholds"]:
        mark, role, word = marks[threshold["state"]]
        word = "ended the run" if threshold.get("ended_run") else word
        by_default = "default" if threshold.get("default") else ""
        measured, sure = uncertain.measured(threshold, glyphs)
        rows.append(
            [
                Cell(f"{mark} {printable(threshold['expression'], glyphs)}", role),
                Cell(measured or quantity(threshold["value"], threshold["unit"], glyphs)),
                Cell(", ".join(filter(None, (word, by_default, sure))), role if word else Role.QUIET),
            ]
        )
    columns = (Column("THRESHOLDS", left=True), Column("measured"), Column("", left=True, drop=1))
    return table(columns, rows, page) if rows else []


def quantity(value: float | None, unit: str | None, glyphs: Glyphs) -> str:
    """A threshold's number in its unit: `ns`, `ratio` and `per_s` as people write them, others as `value unit`."""
    if value is None:
        return numbers.NONE
    match unit:
        case "ns":
            return numbers.duration(value, glyphs)
        case "ratio":
            return numbers.percent(value)
        case "per_s":
            return f"{numbers.rate(value, glyphs)}/s"
        case _:
            is_whole = value == round(value) or abs(value) >= _WHOLE
            return numbers.count(value, glyphs) if is_whole else numbers.significant(value)


def limit(summary: Summary, page: Page) -> list[str]:
    """Who was the bottleneck, where it was the target, with what to do about it and what else was found of it."""
    of_target = [each for each in summary["findings"] if each["subject"] == "target"]
    if not of_target:
        return []
    glyphs = page.glyphs
    named = summary.get("bottleneck", {})
    is_limit = named.get("subject") == "target"
    of_target.sort(key=lambda finding: not is_limit or finding["rule"] != named["rule"])
    lines: list[str] = []
    for finding in of_target[:_FINDINGS]:
        said = "was the bottleneck: " if is_limit and not lines else ""
        label = Cell(_label("" if lines else "TARGET"), Role.WARNING)
        lines += sentence(label, printable(said + finding["message"], glyphs), page)
        if finding is of_target[0] or finding["rule"] == "not_visible":
            lines += sentence(Cell(f"{_label('')}{glyphs.arrow} "), printable(finding["advice"], glyphs), page)
    return lines


def client(summary: Summary, page: Page) -> list[str]:
    """Whether this machine could keep up, by which numbers, and what to do about it."""
    health = summary["client"]
    glyphs = page.glyphs
    measured = _health(health, glyphs)
    mark, role = glyphs.bad, Role.BAD
    if health["verdict"] == "suspect" or not measured:
        mark, role = glyphs.unknown, Role.WARNING
    elif health["verdict"] == "healthy":
        mark, role = glyphs.good, Role.GOOD
    lines = facts(Cell(f"CLIENT {mark}", role), [Cell(text) for text in measured] or [Cell("nothing measured")], page)
    indent = Cell(" " * _LABEL)
    # The verdict has the findings; several of them often share a remedy.
    decisive = [finding for finding in summary["findings"] if finding["severity"] in {"invalid", "suspect"}]
    for advice in dict.fromkeys(finding["advice"] for finding in decisive):
        lines += sentence(Cell(f"{indent.text}{glyphs.arrow} "), advice, page)
    for note in notes_of_client(summary):
        lines += sentence(indent, f"note: {note['message']}", page)
    return lines


def notes_of_client(summary: Summary) -> list[Mapping[str, Any]]:
    """What a reader should know though it decides nothing; what limited the target stands apart."""
    return [each for each in summary["findings"] if each["severity"] == "note" and each["subject"] != "target"]


def load(summary: Summary, page: Page) -> list[str]:
    """What was asked for and how it ended, in iterations and requests."""
    glyphs = page.glyphs
    lines: list[str] = []
    scenarios = summary["load"]["scenarios"]
    for scenario in scenarios:
        name = [Cell(printable(scenario["name"], glyphs))] if len(scenarios) > 1 else []
        parts = [*name, *(Cell(text, role) for text, role in _iterations(scenario, glyphs))]
        lines += facts(Cell("" if lines else "LOAD", Role.HEADING), parts, page)
        if idle_steps := scenario["users"].get("idle_steps"):
            lines += sentence(Cell(f"{' ' * _LABEL}{glyphs.arrow} "), idle(idle_steps), page)
    requests = summary["load"]["requests"]
    # The end of the run cuts off some before they are sent: only the others are bad news.
    unsent = Role.BAD if requests.get("not_sent", 0) > requests.get("interrupted", 0) else Role.WARNING
    shown = (
        ("requests sent", "sent_total", None),
        ("rows", "rows", None),
        ("not sent", "not_sent", unsent),
        ("cut off", "interrupted", Role.WARNING),
        ("sent twice", "sent_again", Role.WARNING),
        ("surplus bytes", "surplus_bytes", Role.WARNING),
        ("rows missing", "rows_dropped", Role.BAD),
    )
    parts = [
        Cell(f"{numbers.count(requests.get(key, 0), glyphs)} {word}", role)
        for word, key, role in shown
        if requests.get(key) or role is None
    ]
    lines += facts(Cell("" if lines else "LOAD", Role.HEADING), parts, page)
    if requests.get("surplus_bytes"):
        lines += sentence(Cell(" " * _LABEL), "surplus bytes: the server sent more than its responses announced", page)
    if changed := changes(summary):
        lines += sentence(Cell(" " * _LABEL), printable(changed, glyphs), page)
    if late := _why_late(summary):
        lines += sentence(Cell(" " * _LABEL), late, page)
    return lines


_ON_TIME_S = 0.2
"""A run that ends this long after its plan needs no explanation."""


def _why_late(summary: Summary) -> str | None:
    """Why a run ended later than its plan says; None if it did not."""
    scenarios = [each for each in summary["load"]["scenarios"] if each.get("rates")]
    late_s = summary["duration_s"] - max((each["steady_from_s"] + each["steady_s"] for each in scenarios), default=0.0)
    waiting = sum(each["rates"]["in_flight_at_end"] for each in scenarios)
    if not scenarios or late_s < _ON_TIME_S or not waiting:
        return None
    requests = "a request was" if waiting == 1 else f"{waiting:,} requests were"
    return f"ended {late_s:.1f} s after the planned end, at which {requests} still under way"


def files(folder: str, sizes: Mapping[str, int], following: Sequence[str], page: Page) -> list[str]:
    """Where the run's files are and how large they are, and what to type next.

    Args:
        folder: The run folder as the user would type it.
        sizes: Bytes by file name, in the order to show.
        following: Commands, one a line.
        page: What to draw on.
    """
    parts = [Cell(f"{name} {numbers.size(octets)}") for name, octets in sizes.items()]
    lines = facts(Cell("FILES", Role.HEADING), [Cell(folder), *parts], page)
    lines += [
        command_line(Cell("NEXT" if command is following[0] else "", Role.HEADING), command, page)
        for command in following
    ]
    return lines


def _label(word: str) -> str:
    return word.ljust(_LABEL)


def _health(health: Mapping[str, Any], glyphs: Glyphs) -> list[str]:
    """The numbers of the client's health, as far as they were measured."""
    texts = []
    if (cpu := health.get("cpu_ratio")) is not None:
        texts.append(f"cpu {numbers.percent(cpu)}")
    if (lag := health.get("lag_p99_ns")) is not None:
        texts.append(f"lag p99 {numbers.duration(lag, glyphs)}")
    if (on_time := health.get("on_time")) is not None:
        texts.append(f"on time {numbers.percent(on_time)}")
    if (descriptors := health.get("open_fds")) is not None:
        limit = health.get("fd_limit")
        texts.append(
            f"files {numbers.count(descriptors, glyphs)}" + (f"/{numbers.count(limit, glyphs)}" if limit else "")
        )
    if foreign := health.get("foreign_cores"):
        texts.append(f"other programs {foreign:.1f} cores")
    if (headroom := health.get("headroom")) is not None:
        texts.append(f"headroom {told(headroom)}")
    if workers := health.get("workers"):
        texts.append(f"{len(workers)} worker{'' if len(workers) == 1 else 's'}")
    return texts


def _iterations(scenario: Mapping[str, Any], glyphs: Glyphs) -> list[tuple[str, Role | None]]:
    """What became of a scenario's iterations and users. Zeros are left out, but not those that an open model is for."""
    iterations = scenario["iterations"]
    users = scenario["users"]
    is_open = scenario["model"] == "open"
    # Locust's users run tasks without end, and count no iterations.
    counts_them = (scenario.get("load") or {}).get("kind") != "script" or any(iterations.values())
    texts: list[tuple[str, Role | None]] = []
    for key, word, always, bad in (
        ("due", _due(scenario, glyphs), is_open, False),
        ("started", "started" if is_open else "iterations", True, False),
        ("completed", "completed", True, False),
        ("failed", "failed", False, True),
        ("dropped", "dropped (no user was free)" if iterations["dropped"] else "dropped", is_open, True),
        ("interrupted", "interrupted", False, False),
    ):
        value = iterations[key]
        if (always and counts_them) or (value and key != "due"):
            texts.append((f"{numbers.count(value, glyphs)} {word}", Role.BAD if bad and value else None))
    if users["lost"]:
        texts.append((f"{numbers.count(users['lost'], glyphs)} users lost", Role.BAD))
    # Users are counted at the end of each second: of a run of one second, that is when they leave.
    if users["peak"] and scenario.get("steady_s", _COUNTED_FROM_S) >= _COUNTED_FROM_S:
        most = f" of {numbers.count(users['planned'], glyphs)}" if is_open and users["planned"] else ""
        texts.append((f"users peak {numbers.count(users['peak'], glyphs)}{most}", None))
    return texts


def _due(scenario: Mapping[str, Any], glyphs: Glyphs) -> str:
    """What was due; of what was planned, if that is more: the run ended early, or a worker was lost with its share."""
    planned = scenario.get("planned_iterations") or 0
    if planned <= scenario["iterations"]["due"]:
        return "arrivals due"
    return f"of {numbers.count(planned, glyphs)} arrivals due"

"""What the demo says at its end, beyond the report of its run: do the counts agree, and does the rate?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from loadcore.cli.console import Console
from loadcore.cli.finish import end_with, last_line, path_as_typed, sizes_of
from loadcore.errors import ExitCode

if TYPE_CHECKING:
    from loadcore.report.glyphs import Glyphs
    from loadcore.report.layout import Page
    from loadcore.results.open.run import Run

_LABEL = 9
THINK_S = 2.0
"""The mean of the pauses of one to three seconds that follow each request of the demo's scenario."""

_OF_THE_MACHINE = {"lag", "cpu"}
"""Rules that a client breaks when the machine has no core for it: that spoils times, and neither errors nor counts."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was seen of the gateway.

    Attributes:
        users: How many virtual users there were.
        received: Requests that the gateway counted; None if it did not tell.
        cpu_s: CPU time that it used during the run.
        workers: Its processes.
    """

    users: int
    received: int | None
    cpu_s: float
    workers: int


def conclude(console: Console, run: "Run", findings: Findings, *, as_json: bool) -> int:
    """Prints the report and what the demo adds to it. Gives back the exit code."""
    counts = counts_of(run.summary, run.requests.num_rows, findings.received)
    outcome = outcome_of(run.summary, counts)
    if as_json:
        from loadcore.report import json

        demo = {
            **asdict(counts),
            "counts_agree": counts.agree,
            "expected_requests_per_s": expected_rate(run.summary, findings),
            "problems": outcome.problems,
            "times_spoilt_by": outcome.times_spoilt_by,
        }
        document = json.render({"summary": run.summary, "demo": demo, "exit_code": outcome.exit_code})
        return end_with(document, console, outcome.exit_code)
    from loadcore.report import text

    page = console.page()
    shown = path_as_typed(run.path)
    following = ["loadcore demo --show", "loadcore init"]
    blocks = (
        text.render(run.summary, page),
        "\n".join(_block(run.summary, counts, findings, page)),
        "\n".join(_outcome_block(outcome, page)),
        "\n".join(text.files(shown, sizes_of(run.path), following, page)),
        last_line(outcome.exit_code, run.summary),
    )
    return end_with("\n\n".join(blocks), console, outcome.exit_code)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo makes of its run: its thresholds, its counts, and whether the machine was too busy for the client.

    Attributes:
        exit_code: Of the command.
        problems: What did not go as promised; empty if all is well.
        times_spoilt_by: How the machine was too busy for the times to be trusted; empty if it was not.
        others_busy: Whether other programs took cores that client and gateway waited for.
    """

    exit_code: int
    problems: list[str]
    times_spoilt_by: list[str]
    others_busy: bool = False


def outcome_of(summary: Mapping[str, Any], counts: "Counts") -> Outcome:
    """Judges a run of the demo."""
    verdict = summary["verdict"]
    invalid = [each for each in summary["findings"] if each["severity"] == "invalid"]
    spoilt = [each["message"] for each in invalid if each["rule"] in _OF_THE_MACHINE]
    problems = [reason for reason in verdict["reasons"] if not any(reason.endswith(message) for message in spoilt)]
    if not counts.agree:
        problems.append(counts.difference())
    codes = [code for code in verdict["exit_codes"] if code != ExitCode.INVALID or not spoilt]
    exit_code = codes[0] if codes else ExitCode.PASS
    if exit_code == ExitCode.PASS and problems:
        exit_code = ExitCode.INVALID
    others_busy = any(each["rule"] == "foreign_cpu" for each in summary["findings"])
    return Outcome(int(exit_code), problems, spoilt, others_busy)


@dataclass(frozen=True, slots=True)
class Counts:
    """The same requests, counted by three who know nothing of each other.

    Attributes:
        rows: Rows in the Arrow files.
        recorded: Requests in the summary.
        sent: Requests sent, by the summary: one that was sent twice counts twice, one that was not sent not at all.
        received: Requests that the gateway counted; None if it did not tell.
    """

    rows: int
    recorded: int
    sent: int
    received: int | None

    @property
    def agree(self) -> bool:
        """Whether every request is where it should be."""
        return self.rows == self.recorded and self.sent == self.received

    def difference(self) -> str:
        """Which of the counts differs from the others, by how much."""
        parts = []
        if self.rows != self.recorded:
            parts.append(f"the row files hold {self.rows} requests, the summary {self.recorded}")
        if self.received is None:
            parts.append("the gateway did not report how many requests it received")
        elif self.received != self.sent:
            parts.append(f"{self.sent} requests were sent, the gateway received {self.received}")
        return "the counts disagree: " + "; ".join(parts)

    def words(self, glyphs: "Glyphs") -> str:
        """All counts in one sentence."""
        from loadcore.report.numbers import count

        rows, recorded, sent, received = (
            count(value, glyphs) for value in (self.rows, self.recorded, self.sent, self.received)
        )
        same = "=" if self.rows == self.recorded else "but"
        arrived = "=" if self.sent == self.received else "but"
        if self.sent == self.recorded:
            return f"{rows} rows {same} {recorded} in the summary {arrived} {received} received by the gateway"
        return f"{rows} rows {same} {recorded} in the summary, {sent} sent {arrived} {received} received by the gateway"


def counts_of(summary: Mapping[str, Any], rows: int, received: int | None) -> Counts:
    """Puts the counts side by side."""
    requests = summary["load"]["requests"]
    return Counts(rows, requests["recorded"], requests["sent_total"], received)


def expected_rate(summary: Mapping[str, Any], findings: Findings) -> float | None:
    """The rate of users who think, send and wait: users / (think time + response time)."""
    mean_ns = summary["all"]["response"]["mean_ns"]
    return None if mean_ns is None else findings.users / (THINK_S + mean_ns / 1e9)


def _block(summary: Mapping[str, Any], counts: Counts, findings: Findings, page: "Page") -> list[str]:
    from loadcore.report import numbers
    from loadcore.report.layout import Cell, Role, facts, sentence

    glyphs = page.glyphs
    mark, role = (glyphs.good, Role.GOOD) if counts.agree else (glyphs.bad, Role.BAD)
    lines = sentence(Cell(f"COUNTS {mark} ", role), counts.words(glyphs), page)
    expected = expected_rate(summary, findings)
    if expected is not None:
        mean = numbers.duration(summary["all"]["response"]["mean_ns"], glyphs)
        users = numbers.count(findings.users, glyphs)
        made = f"{numbers.rate(summary['all']['requests_per_s'], glyphs)} req/s"
        formula = f"{users} users / (2 s think + {mean}) = {numbers.rate(expected, glyphs)} req/s"
        lines += facts(Cell("RATE", Role.HEADING), [Cell(made), Cell(formula)], page)
    used = numbers.percent(findings.cpu_s / summary["duration_s"])
    parts = [f"{used} of a core", f"{findings.workers} worker{'' if findings.workers == 1 else 's'}"]
    parts.append("hashes passwords cheaply: logins take longer on a real gateway")
    return [*lines, *facts(Cell("GATEWAY", Role.HEADING), [Cell(part) for part in parts], page)]


def _outcome_block(outcome: Outcome, page: "Page") -> list[str]:
    from loadcore.report.layout import Cell, Role, sentence

    glyphs = page.glyphs
    if outcome.problems:
        lines = []
        for problem in outcome.problems:
            lines += sentence(Cell(f"DEMO {glyphs.bad}   ", Role.BAD), problem, page)
    else:
        promise = "every request is in all three counts, and all thresholds hold"
        lines = sentence(Cell(f"DEMO {glyphs.good}   ", Role.GOOD), promise, page)
    if outcome.times_spoilt_by:
        excuse = "this machine was too busy to time requests exactly: the times above are upper bounds"
    elif outcome.problems and outcome.others_busy:
        excuse = "other programs kept this machine busy: on an idle one, two cores carry the demo with room to spare"
    else:
        return lines
    remedy = "stop other programs and run it again, or try fewer users: loadcore demo --quick"
    lines += sentence(Cell(" " * _LABEL), excuse, page)
    lines += sentence(Cell(f"{' ' * _LABEL}{glyphs.arrow} "), remedy, page)
    return lines

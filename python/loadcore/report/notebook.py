"""A run as a notebook shows it, and as a test that fails says it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from loadcore.report import numbers, text
from loadcore.report.glyphs import UNICODE
from loadcore.report.headline import headline
from loadcore.report.layout import Page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Entry = Mapping[str, Any]

_MARKS = {"pass": "✓", "fail": "✗", "no_data": "?"}
_TIMES = ("p50_ns", "p95_ns", "p99_ns", "max_ns")
_HEIGHT_PX = 900


@dataclass(frozen=True, slots=True)
class Shown:
    """The page of a run in a cell of a notebook.

    Attributes:
        page: The page, which needs no network.
    """

    page: str

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.page)}" style="width:100%;height:{_HEIGHT_PX}px;border:0"></iframe>'

    def save(self, path: Path | str) -> None:
        """Write the page to a file."""
        from pathlib import Path  # noqa: PLC0415 - needed by this alone

        Path(path).write_text(self.page, encoding="utf-8")


def failure(summary: Entry, folder: str) -> str:
    """Why a run did not pass, then all that is known of it."""
    found = headline(summary)
    return f"{found.word}: {'; '.join(found.reasons)}\n\n{text.render(summary, Page(100, UNICODE))}\n\n {folder}"


def fragment(summary: Entry) -> str:
    """The verdict, the thresholds and the steps, as a part of a page."""
    found = headline(summary)
    reasons = "".join(f"<li>{escape(each)}</li>" for each in (*found.reasons, *found.doubts))
    parts = [f"<p><b>{escape(str(summary['name']))}: {found.word}</b></p><ul>{reasons}</ul>"]
    if summary["thresholds"]:
        judged = [
            (_mark(each), str(each["expression"]), text.quantity(each["value"], each["unit"], UNICODE))
            for each in summary["thresholds"]
        ]
        parts.append(_table(("", "threshold", "measured"), judged, 2))
    steps = [step for step in summary["steps"] if step["section"] == "main" and step["requests"]]
    if steps:
        rows = [_step(str(step["name"]), step) for step in steps]
        rows += [_step("all", summary["all"])] if len(steps) > 1 else []
        parts.append(_table(("step", "requests", "req/s", "errors", "p50", "p95", "p99", "max"), rows, 1))
    return f"<div>{''.join(parts)}</div>"


def _mark(threshold: Entry) -> str:
    return f"{_MARKS[threshold['state']]} {threshold['state'].replace('_', ' ')}"


def _step(name: str, step: Entry) -> tuple[str, ...]:
    times = (numbers.duration(step["response"][each]) for each in _TIMES)
    rate, errors = numbers.rate(step["requests_per_s"]), numbers.percent(step["error_rate"])
    return (name, numbers.count(step["requests"]), rate, errors, *times)


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """A table whose first columns are text and the others numbers."""

    def line(cells: Sequence[str], tag: str) -> str:
        styled = (
            f"<{tag}{' style=text-align:left' if place < left else ' style=text-align:right'}>{escape(cell)}</{tag}>"
            for place, cell in enumerate(cells)
        )
        return f"<tr>{''.join(styled)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(heading, 'th')}</thead><tbody>{body}</tbody></table>"

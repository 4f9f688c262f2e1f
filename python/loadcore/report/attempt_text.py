"""What became of trying a plan, as text: each request, what failed in full, and what was not tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report import numbers
from loadcore.report.exchange import exchange
from loadcore.report.glyphs import printable
from loadcore.report.layout import MARGIN, Cell, Page, Role, cut, sentence
from loadcore.wording.outcomes import ANSWERED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loadcore.report.glyphs import Glyphs
    from loadcore.results.attempt import Sent, Untried

_INDENT = "    "


def requests(sent: Sequence[Sent], iterations: Mapping[str, int], page: Page, *, verbose: bool) -> list[str]:
    """Each request in its order; what failed, or all of it, with what went over the wire.

    What fails in the same way is shown once.
    """
    lines = sentence(Cell("SENT  ", Role.HEADING), _how_often(iterations), page)
    shown: set[tuple[str, ...]] = set()
    for each in sent:
        alike = (each.row["step"], *each.reasons)
        in_full = verbose or (bool(each.reasons) and alike not in shown)
        shown.add(alike)
        lines += _request(each, page, in_full=in_full, verbose=verbose)
    return lines


def untried(found: Sequence[Untried], page: Page) -> list[str]:
    """What was not tried, and why."""
    lines: list[str] = []
    for each in found:
        label = Cell("" if lines else "NOT TRIED", Role.HEADING)
        text = printable(f"{each.step}: {each.why}", page.glyphs)
        lines += sentence(label._replace(text=label.text.ljust(11)), text, page)
    return lines


def findings(found: Sequence[str], page: Page) -> list[str]:
    """What is wrong, or that nothing is."""
    glyphs = page.glyphs
    if not found:
        return [f"{MARGIN}{page.paint(glyphs.good, Role.GOOD)} no problems found"]
    lines: list[str] = []
    for text in found:
        lines += sentence(Cell(f"{glyphs.bad} ", Role.BAD), printable(text, glyphs), page)
    return lines


def _request(each: Sent, page: Page, *, in_full: bool, verbose: bool) -> Iterator[str]:
    glyphs = page.glyphs
    mark, role = (glyphs.bad, Role.BAD) if each.reasons else (glyphs.good, Role.GOOD)
    yield cut(f"{MARGIN}{page.paint(mark, role)} {_line(each.row, glyphs)}", 10 * page.width, glyphs)
    if not in_full:
        return
    for reason in each.reasons:
        yield from sentence(Cell(_INDENT), printable(reason, glyphs), page)
    if each.sample is not None:
        yield from exchange(each.sample, page, full=verbose)
    yield ""


def _line(row: Mapping[str, Any], glyphs: Glyphs) -> str:
    came = row["status"] if row["outcome"] in ANSWERED else row["outcome"]
    time = "" if row["service_ns"] is None else f" in {numbers.duration(row['service_ns'], glyphs)}"
    # What user code measures itself has none.
    answer = "" if came is None else f" {glyphs.arrow} {came}"
    return f"{printable(row['step'], glyphs)}{answer}{time}"


def _how_often(iterations: Mapping[str, int]) -> str:
    """What was done, so that no one mistakes a part for the whole."""
    most = max(iterations.values(), default=1)
    if most <= 1:
        return "one user, one iteration"
    several = ", ".join(f"{count} of {name}" for name, count in iterations.items()) if len(iterations) > 1 else most
    return f"one user, {several} iterations: each option of a choice once"

"""Draws a frame: as a block for a terminal, or as one line for a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.report import numbers
from loadcore.report.glyphs import ASCII, Glyphs, printable
from loadcore.report.layout import MARGIN, Cell, Page, Role, cut, facts
from loadcore.report.step_table import step_table
from loadcore.report.text import quantity
from loadcore.results.sum.totals import RECENT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadcore.live.frame import ClientFrame, Frame
    from loadcore.live.heading import Heading

_BAR = 20
_INDENT = 10
"""Of what the labels of the last lines take, with the mark after the longest."""


def draw(
    heading: Heading, frames: Sequence[Frame], elapsed_s: float, page: Page, height: int | None = None
) -> list[str]:
    """The whole view: progress, numbers of the last second, steps, errors, thresholds, client.

    Args:
        heading: What is known about the run.
        frames: The seconds so far, the newest last; the older ones give the small curves. May be empty.
        elapsed_s: Seconds since the start, for the bar.
        page: What to draw on.
        height: The most lines there may be: what matters least is left out.
    """
    progress = [_progress(heading, elapsed_s, page)]
    if not frames:
        return [*progress, cut(f"{MARGIN}waiting for the first second", page.width, page.glyphs)]
    frame = frames[-1]
    total = None if len(frame.steps) == 1 else frame.total
    hints = (f"times are of the last {RECENT_S} s", "Ctrl-C: stop and report", "twice: stop now")
    hint = facts(Cell(""), [Cell(each, Role.QUIET) for each in hints], page, indent=0)
    return _fitting(
        [
            (0, [*progress, *_headline(frames, page)]),
            (4, [""]),
            (1, step_table("STEP", frame.steps, total, page)),
            (2, _errors(frame, page)),
            (2, _thresholds(frame, page)),
            (3, _broke(frame, page)),
            (3, _client(frame.client, page)),
            (5, hint),
        ],
        height,
        page,
    )


def _fitting(parts: Sequence[tuple[int, list[str]]], height: int | None, page: Page) -> list[str]:
    """The lines of all parts; without those of the highest ranks if the height is too small."""
    kept = list(parts)
    while height is not None and sum(len(lines) for _, lines in kept) > height and len(kept) > 1:
        least = max(rank for rank, _ in kept)
        if least == 1:
            break
        kept = [part for part in kept if part[0] != least]
    lines = [line for _, lines in kept for line in lines]
    if height is None or len(lines) <= height:
        return lines
    return [*lines[: max(height - 1, 0)], f"{MARGIN}{page.glyphs.ellipsis}"][:height]


def line(frame: Frame) -> str:
    """One moment of a run as `key=value` words after the clock: readable, and easy to cut apart."""
    total = frame.total
    words = [
        numbers.clock(frame.second),
        f"users={frame.users_active}",
        f"rps={numbers.rate(total.requests_per_s, ASCII).replace(',', '')}",
        f"err={numbers.percent(total.error_rate)}",
    ]
    times = (("p50", total.p50_ns), ("p95", total.p95_ns), ("p99", total.p99_ns))
    words += [f"{name}={numbers.duration(value, ASCII)}" for name, value in times if value is not None]
    if frame.dropped:
        words.append(f"dropped={frame.dropped}")
    if frame.phase and frame.phase != "steady":
        words.append(f"phase={frame.phase}")
    if frame.errors:
        words.append(f"worst={frame.errors[0].what}:{frame.errors[0].count}")
    if frame.broke is not None:
        words.append(f"broke={numbers.clock(frame.broke.second)}")
    words.append(f"client={'ok' if frame.client.ok else 'limit'}")
    return " ".join(words)


def sparkline(values: Sequence[float], glyphs: Glyphs) -> str:
    """A curve of one character a value, from 0 to the largest; empty where it cannot be drawn."""
    highest = max(values, default=0)
    if not glyphs.sparks or highest <= 0:
        return ""
    top = len(glyphs.sparks) - 1
    return "".join(glyphs.sparks[min(top, round(value / highest * top))] for value in values)


def _progress(heading: Heading, elapsed_s: float, page: Page) -> str:
    """Name and target at the left; clock and bar, of the planned time only, at the right."""
    glyphs = page.glyphs
    if not heading.planned_s:
        right = numbers.clock(elapsed_s)
    elif elapsed_s > heading.planned_s:
        right = f"{numbers.clock(elapsed_s)}  waiting for the last iterations"
    else:
        share = elapsed_s / heading.planned_s
        full = int(share * _BAR)
        bar = glyphs.bar_full * full + glyphs.bar_rest * (_BAR - full)
        right = f"{numbers.clock(elapsed_s)} / {numbers.clock(heading.planned_s)}  {bar} {int(share * 100):3}%"
    left = f"{heading.name} {glyphs.arrow} {heading.target}" if heading.target else heading.name
    room = page.width - len(MARGIN) - len(right) - 2
    if room < len(glyphs.ellipsis):
        return MARGIN + cut(right, page.width - len(MARGIN), glyphs)
    return f"{MARGIN}{cut(printable(left, glyphs), room, glyphs).ljust(room)}  {right}"


def _headline(frames: Sequence[Frame], page: Page) -> list[str]:
    frame = frames[-1]
    total = frame.total
    users = numbers.count(frame.users_active, page.glyphs)
    if frame.users_planned:
        users += f"/{numbers.count(frame.users_planned, page.glyphs)}"
    curve_of_users = sparkline([each.users_active for each in frames], page.glyphs)
    curve_of_rates = sparkline([each.total.requests_per_s or 0 for each in frames], page.glyphs)
    parts = [
        Cell(f"users {users} {curve_of_users}".rstrip()),
        Cell(f"{numbers.rate(total.requests_per_s, page.glyphs)} req/s {curve_of_rates}".rstrip()),
        Cell(f"errors {numbers.percent(total.error_rate)}", Role.BAD if total.errors else None),
    ]
    if frame.dropped:
        parts.append(Cell(f"dropped {numbers.count(frame.dropped, page.glyphs)}", Role.BAD))
    if frame.changed:
        parts.append(Cell(f"load changed: {printable(frame.changed, page.glyphs)}", Role.WARNING))
    if frame.phase and frame.phase != "steady":
        parts.append(Cell(frame.phase.replace("_", "-"), Role.WARNING))
    return facts(Cell(""), parts, page, indent=0)


def _errors(frame: Frame, page: Page) -> list[str]:
    """What goes wrong most, and where."""
    parts = [
        Cell(
            f"{error.what} {numbers.count(error.count, page.glyphs)}  {printable(error.step, page.glyphs)}"
            if len(frame.steps) > 1
            else f"{error.what} {numbers.count(error.count, page.glyphs)}",
            Role.BAD,
        )
        for error in frame.errors
    ]
    return facts(Cell("ERRORS", Role.BAD), parts, page, indent=_INDENT) if parts else []


def _thresholds(frame: Frame, page: Page) -> list[str]:
    marks = {"pass": (page.glyphs.good, Role.GOOD), "fail": (page.glyphs.bad, Role.BAD)}
    parts = []
    for threshold in frame.thresholds:
        mark, role = marks.get(threshold.state, (page.glyphs.unknown, Role.QUIET))
        now = "" if threshold.value is None else f" ({quantity(threshold.value, threshold.unit, page.glyphs)})"
        parts.append(Cell(f"{mark} {printable(threshold.expression, page.glyphs)}{now}", role))
    return facts(Cell("PASS?", Role.HEADING), parts, page, indent=_INDENT) if parts else []


def _broke(frame: Frame, page: Page) -> list[str]:
    """Where the run broke, and what load it bore before."""
    broke, glyphs = frame.broke, page.glyphs
    if broke is None:
        return (
            facts(Cell("BROKE?", Role.HEADING), [Cell("not so far")], page, indent=_INDENT) if frame.thresholds else []
        )
    parts = [Cell(f"at {numbers.clock(broke.second)}: {printable(broke.expression, glyphs)}", Role.BAD)]
    if broke.before is None:
        parts.append(Cell("from the first judged second on"))
    else:
        users, rate = numbers.count(broke.before.users, glyphs), numbers.rate(broke.before.requests_per_s, glyphs)
        p95 = numbers.duration(broke.before.p95_ns, glyphs)
        parts.append(Cell(f"before: {users} users, {rate}/s, p95 {p95}"))
    return facts(Cell("BROKE?", Role.BAD), parts, page, indent=_INDENT)


def _client(client: ClientFrame, page: Page) -> list[str]:
    glyphs = page.glyphs
    parts = [Cell("keeps up" if client.ok else "is the bottleneck", None if client.ok else Role.BAD)]
    if client.cpu_ratio is not None:
        parts.append(Cell(f"cpu {numbers.percent(client.cpu_ratio)}"))
    if client.lag_p99_ns is not None:
        parts.append(Cell(f"lag p99 {numbers.duration(client.lag_p99_ns, glyphs)}"))
    if client.open_fds is not None:
        limit = f"/{numbers.count(client.fd_limit, glyphs)}" if client.fd_limit else ""
        parts.append(Cell(f"files {numbers.count(client.open_fds, glyphs)}{limit}"))
    label = f"CLIENT {glyphs.good if client.ok else glyphs.bad}"
    return facts(Cell(label, Role.GOOD if client.ok else Role.BAD), parts, page, indent=_INDENT)

"""What the columns of a table of steps would hide: requests that are not answers, and what percentiles leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report import numbers
from loadcore.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.report.glyphs import Glyphs


def of(steps: Sequence[Mapping[str, Any]], glyphs: Glyphs) -> list[str]:
    """One sentence for each kind of request that the columns of these steps would hide."""
    counts = {name: sum(step.get(name, 0) for step in steps) for name in _COUNTED}
    return [text for tell in (_unanswered, _not_final, _interrupted) if (text := tell(counts, glyphs))]


_COUNTED = ("requests", "judged", "unanswered", "not_sent", "hops", "repeats", "interrupted")


def _unanswered(counts: Mapping[str, int], glyphs: Glyphs) -> str:
    count = counts["unanswered"]
    if not count:
        return ""
    not_sent = min(counts["not_sent"], count)
    failed = count - not_sent
    text = f"{_requests(count, glyphs)} got no response"
    if not failed:
        return f"{text}: never sent, so not in the percentiles"
    then = "in the percentiles with the time until they broke off or timed out"
    if not not_sent:
        return f"{text}: {then}"
    return (
        f"{text}: {numbers.count(not_sent, glyphs)} were never sent and are not in the percentiles, "
        f"{numbers.count(failed, glyphs)} are {then}"
    )


def _not_final(counts: Mapping[str, int], glyphs: Glyphs) -> str:
    hops, repeats = counts["hops"], counts["repeats"]
    if not hops and not repeats:
        return ""
    parts = [f"{numbers.count(hops, glyphs)} followed redirects"] if hops else []
    parts += [f"{numbers.count(repeats, glyphs)} 401s that were tried again"] if repeats else []
    final = numbers.count(counts["judged"], glyphs)
    return f"requests include {listed(parts)}; errors are out of {final} final responses"


def _interrupted(counts: Mapping[str, int], glyphs: Glyphs) -> str:
    count = counts["interrupted"]
    if not count:
        return ""
    was = "was" if count == 1 else "were"
    end = "cut off by their user or the run's end"
    return f"{_requests(count, glyphs)} {was} {end}: not errors, and not in the percentiles"


def _requests(count: int, glyphs: Glyphs) -> str:
    return f"{numbers.count(count, glyphs)} request{'' if count == 1 else 's'}"

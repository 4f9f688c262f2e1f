"""A comparison as one HTML page that needs no network: every run is a dot."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from loadcore.comparison import phrases

if TYPE_CHECKING:
    from loadcore.comparison.differences import Differences
    from loadcore.judge.comparing.change import Change

_WIDTH = 420
_EDGE = 12


def render(comparison: Differences) -> str:
    """The page."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - slow to import, needed by this only

    source = files("loadcore.comparison").joinpath("page.html").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    sides = (("A", comparison.before), ("B", comparison.after))
    return template.from_string(source).render(
        headline=phrases.headline(comparison),
        sides=sides,
        metrics=[
            *(_metric(each) for each in comparison.judged),
            *(_metric(each, "not judged") for each in comparison.shown),
        ],
        steps=[{"step": each.step, **_metric(each.change, "")} for each in comparison.steps],
        remarks=[*phrases.power(comparison), *phrases.untested(comparison), *phrases.unmeasured(comparison)],
        left_out=[(letter, each) for letter, side in sides for each in side.left_out],
        width=_WIDTH,
    )


def in_a_notebook(comparison: Differences) -> str:
    """The page in a frame, so that its style stays its own."""
    lines = 34 + 15 * (len(comparison.judged) + len(comparison.shown)) + 3 * len(comparison.steps)
    return f'<iframe srcdoc="{escape(render(comparison))}" style="width:100%;height:{lines}em;border:0"></iframe>'


def _metric(change: Change, note: str | None = None) -> dict[str, Any]:
    before, after = change.medians
    return {
        "name": change.metric.name,
        "before": phrases.quantity(change.metric, before),
        "after": phrases.quantity(change.metric, after),
        "change": phrases.amount(change),
        "interval": phrases.between(change),
        "chance": phrases.chance(change),
        "word": (change.word.value if change.p is not None else "") if note is None else note,
        "caption": phrases.reason(change),
        "dots": _dots(change),
        "least": phrases.quantity(change.metric, min(*change.before, *change.after)),
        "most": phrases.quantity(change.metric, max(*change.before, *change.after)),
        "values": [[phrases.quantity(change.metric, each) for each in side] for side in (change.before, change.after)],
    }


def _dots(change: Change) -> list[dict[str, Any]]:
    """Where the dots of a metric's runs are: those of A above, those of B below, and a stroke at either median."""
    scaled = change.metric.scaled
    known = [scaled(each) for each in (*change.before, *change.after)]
    low, width = min(known), max(known) - min(known)

    def across(value: float) -> float:
        place = 0.5 if not width else (scaled(value) - low) / width
        return round(_EDGE + place * (_WIDTH - 2 * _EDGE), 1)

    return [
        {"letter": letter, "y": y, "at": [across(each) for each in values], "median": across(middle)}
        for letter, y, values, middle in zip("AB", (16, 40), (change.before, change.after), change.medians, strict=True)
    ]

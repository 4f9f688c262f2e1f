"""Changes of the load while a run lasted, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loadcore.report import plan_words
from loadcore.report.numbers import clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.report.glyphs import Glyphs

MOST: Final = 12
"""Changes that are listed."""


def orders_of(summary: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The changes of a run, in the order in which they were given."""
    return summary["load"].get("orders") or ()


def change_of(order: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """One change: `rate 300/s`, with its scenario where there are several."""
    several = len(summary["load"]["scenarios"]) > 1
    return f"{order['scenario']}: {order['change']}" if several else str(order["change"])


def load_in_short(scenario: Mapping[str, Any], summary: Mapping[str, Any], glyphs: Glyphs) -> str:
    """The load of a scenario in a heading: `100/s, at most 500 users`, with `changed while it ran` where it was."""
    planned = plan_words.load_in_short(scenario, glyphs)
    was_changed = any(order["scenario"] == scenario["name"] for order in orders_of(summary))
    return ", ".join(filter(None, (planned, "changed while it ran" if was_changed else "")))


def changes(summary: Mapping[str, Any]) -> str:
    """All changes: `load changed while it ran: rate 300/s at 0:12, pause at 0:40`; empty if there were none."""
    orders = orders_of(summary)
    if not orders:
        return ""
    shown = [f"{change_of(order, summary)} at {clock(order['at_s'])}" for order in orders[:MOST]]
    more = f", and {len(orders) - MOST} more" if len(orders) > MOST else ""
    return f"load changed while it ran: {', '.join(shown)}{more}"

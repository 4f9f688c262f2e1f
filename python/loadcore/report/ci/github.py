"""What GitHub Actions reads of a run: annotations, which are commands in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.errors import ExitCode
from loadcore.report.escaping import one_line
from loadcore.report.glyphs import UNICODE
from loadcore.report.headline import headline
from loadcore.report.text import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SHOWN = 10
"""Annotations of a step that GitHub shows."""
_IN_MESSAGES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_IN_MESSAGES, ":": "%3A", ",": "%2C"}


def commands(summary: Mapping[str, Any]) -> list[str]:
    """A line for what else decides, and for each threshold that does not hold."""
    return [*_commands(summary)][:_SHOWN]


def annotation(level: str, title: str, message: str) -> str:
    """A command of the log: `::error title=…::…`. The level is `error`, `warning` or `notice`."""
    return f"::{level} title={_escaped(one_line(title), _IN_PROPERTIES)}::{_escaped(message, _IN_MESSAGES)}"


def _commands(summary: Mapping[str, Any]) -> Iterator[str]:
    """What decides more than a threshold does comes first: the others may not be shown."""
    name = str(summary["name"])
    crossed = [each for each in summary["thresholds"] if each["state"] != "pass"]
    codes = {*summary["verdict"]["exit_codes"]} - {ExitCode.PASS}
    if codes - {ExitCode.THRESHOLD_CROSSED} or (codes and not crossed):
        found = headline(summary)
        yield annotation("error", f"{name}: {found.word}", "; ".join(found.reasons))
    for threshold in crossed:
        if threshold["state"] == "fail":
            measured = quantity(threshold["value"], threshold["unit"], UNICODE)
            yield annotation("error", f"{name}: {threshold['expression']}", f"measured {measured}")
        else:
            yield annotation("error", f"{name}: {threshold['expression']}", "no data")
    for doubt in summary["verdict"].get("suspect", ()):
        yield annotation("warning", f"{name}: suspect", str(doubt))


def _escaped(text: str, table: Mapping[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)

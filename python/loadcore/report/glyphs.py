"""The few characters that reports draw with, in Unicode and in ASCII."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of characters. Every mark comes with a word, so that none has to be understood by itself.

    Attributes:
        good: Before what holds.
        bad: Before what does not hold.
        unknown: Before what cannot be judged.
        dot: Between facts on one line.
        arrow: Between two ends.
        dash: Between two times.
        ellipsis: At the end of a shortened string.
        thousands: Between groups of three digits.
        micro: The unit of microseconds.
        bar_full: The done part of a progress bar.
        bar_rest: The part to come.
        sparks: Eight heights, low to high; empty where they cannot be drawn.
        ascii_only: Whether names must be written in ASCII too.
    """

    good: str
    bad: str
    unknown: str
    dot: str
    arrow: str
    dash: str
    ellipsis: str
    thousands: str
    micro: str
    bar_full: str
    bar_rest: str
    sparks: str
    ascii_only: bool


UNICODE = Glyphs(
    good="✓",
    bad="✗",
    unknown="?",
    dot="·",
    arrow="→",
    dash="–",  # noqa: RUF001 - an en dash is what stands between two times
    ellipsis="…",
    thousands="\N{THIN SPACE}",
    micro="µs",
    bar_full="━",
    bar_rest="─",
    sparks="▁▂▃▄▅▆▇█",
    ascii_only=False,
)
"""For streams that are encoded in UTF-8."""

ASCII = Glyphs(
    good="OK",
    bad="XX",
    unknown="??",
    dot="-",
    arrow="->",
    dash="-",
    ellipsis="...",
    thousands=",",
    micro="us",
    bar_full="#",
    bar_rest=".",
    sparks="",
    ascii_only=True,
)
"""For every other stream."""


def printable(text: str, glyphs: Glyphs) -> str:
    """Makes a name from a scenario, a URL or a target safe to print.

    Control characters would otherwise reach the terminal and could move its cursor or change its colours.
    """
    if text.isprintable() and not glyphs.ascii_only:
        return text
    # Digits are grouped by a space that Python does not count among what can be printed.
    safe = "".join(
        character if character.isprintable() or character == glyphs.thousands else repr(character)[1:-1]
        for character in text
    )
    return safe.encode("ascii", "backslashreplace").decode("ascii") if glyphs.ascii_only else safe

"""Odd bytes, one at a time, at every named place of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.wire.matrices.case import Case, case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


# Bytes that servers, proxies and attackers are known to put where they do not belong.
ODD_BYTES = {
    "nul": "\0",
    "soh": "\x01",
    "tab": "\t",
    "lf": "\n",
    "vt": "\x0b",
    "cr": "\r",
    "sp": " ",
    "quote": '"',
    "comma": ",",
    "zero": "0",
    "colon": ":",
    "semicolon": ";",
    "x": "x",
    "del": "\x7f",
    "80": "\x80",
    "ff": "\xff",
}
CONTROLS = frozenset({"nul", "soh", "vt", "cr", "del"})
NAME_BYTES = frozenset({"zero", "x"})
BLANKS = frozenset({"sp", "tab"})


def inserted(
    prefix: str, source: str, parts: list[tuple[str, str]], expect: Mapping[str, Callable[[str], Case]]
) -> Iterator[Case]:
    """Every odd byte before each named part of a message; `expect` maps a part's name to what follows from the byte."""
    text = "".join(part for _, part in parts)
    at = 0
    for place, part in parts:
        if place:
            for byte_name, byte in ODD_BYTES.items():
                yield case(
                    f"{prefix}-{place}-{byte_name}", source, text[:at] + byte + text[at:], expect[place](byte_name)
                )
        at += len(part)

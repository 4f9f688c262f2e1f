"""The messages that the troubleshooting page explains are printed by the program."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.docs.pages import ROOT

_PAGE = (ROOT / "docs/guides/troubleshooting.md").read_text("utf-8")
_PRINTED = re.findall(r"^\| `([^`]+)` \|", _PAGE.partition("## Looks wrong")[0], re.MULTILINE)
_WRITTEN = {"(proto_http2)": "proto_http2"}
"""Messages that the program puts together, and the part that is in its source."""


@cache
def _sources() -> str:
    """All strings of the program in one, those that are written in pieces joined."""
    folders = (
        (ROOT / "python/loadcore", "*.py"),
        (ROOT / "building", "*.py"),
        (ROOT / "rust/loadcore-core/src", "*.rs"),
    )
    text = "\n".join(path.read_text("utf-8") for folder, names in folders for path in sorted(folder.rglob(names)))
    return re.sub(r'"\s*\n\s*f?"', "", text)


def test_there_are_messages() -> None:
    """The page was read as it is meant."""
    assert len(_PRINTED) > 15


@pytest.mark.parametrize("message", _PRINTED)
def test_the_program_prints_it(message: str) -> None:
    """Each piece of the message between two `…` is in one string of the program."""
    pieces = [piece.strip() for piece in _WRITTEN.get(message, message).split("…") if piece.strip(" .:,")]
    assert pieces
    assert [piece for piece in pieces if piece not in _sources()] == []

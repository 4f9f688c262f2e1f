"""Links of pages that are read where the files beside them are not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = "https://github.com/loadcore/loadcore"
FILES = "https://raw.githubusercontent.com/loadcore/loadcore"
"""Where the content of a file is, for pictures."""

FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(\[[^\]\[]*\]\()([^)\s:#]*)((?:#[^)\s]*)?\))")
_PICTURE = re.compile(r'((?:src|srcset)=")([^":]+)(")')


def led(markdown: str, lead: Callable[[str], str]) -> str:
    """A page whose links to files lead where `lead` says. Links within the page, and code blocks, stay as they are."""
    return _changed(markdown, _LINK, lambda path: lead(path) if path else path)


def absolute(readme: str, revision: str) -> str:
    """The README for a package index: its links and pictures lead to a revision in the repository.

    The page there has no places within it, so links to the README's own headings lead to the repository as well.
    """
    linked = _changed(readme, _LINK, lambda path: f"{REPOSITORY}/blob/{revision}/{path or 'README.md'}")
    return _changed(linked, _PICTURE, lambda path: f"{FILES}/{revision}/{path}")


def relative(markdown: str) -> list[str]:
    """Links and pictures of a page that lead nowhere if it is read elsewhere."""
    text = FENCE.sub("", markdown)
    return [path + rest.removesuffix(")") for _, path, rest in _LINK.findall(text)] + [
        path for _, path, _ in _PICTURE.findall(text)
    ]


def _changed(markdown: str, pattern: re.Pattern[str], lead: Callable[[str], str]) -> str:
    """A page with another path in each match outside of code blocks."""
    pieces = FENCE.split(markdown)
    pieces[::2] = [pattern.sub(lambda found: found[1] + lead(found[2]) + found[3], piece) for piece in pieces[::2]]
    return "".join(pieces)

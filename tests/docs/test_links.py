"""Links lead somewhere, and every page can be reached."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import PAGES, ROOT, anchors_of, links_of, name_of

if TYPE_CHECKING:
    from pathlib import Path

_CONVENTIONS = ("https://keepachangelog.com/", "https://semver.org/")

PAGE = pytest.mark.parametrize("page", PAGES, ids=name_of)


@PAGE
def test_relative_links_resolve(page: Path) -> None:
    """The file is there, and so is the heading behind `#`."""
    broken = []
    for link in links_of(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        to = (page.parent / path).resolve() if path else page
        if not to.exists() or (anchor and anchor not in anchors_of(to)):
            broken.append(link)
    assert broken == []


@PAGE
def test_links_stay_in_the_repository(page: Path) -> None:
    """A page that was cloned can be read without a network: only the changelog's conventions are elsewhere."""
    outside = [link for link in links_of(page) if "://" in link]
    assert [link for link in outside if not link.startswith(_CONVENTIONS)] == []


def test_the_pictures_of_the_readme_are_there_and_small() -> None:
    """One for each theme, described for those who do not see it."""
    readme = (ROOT / "README.md").read_text("utf-8")
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', readme)
    assert len(pictures) == 2
    assert all((ROOT / each).stat().st_size < 100_000 for each in pictures)
    assert re.search(r'<img alt="[^"]{30,}"', readme)


def test_the_index_lists_every_page() -> None:
    """No page of `docs` is left out of its index."""
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links_of(index)}
    pages = {page for page in PAGES if page.is_relative_to(index.parent)} - {index}
    assert sorted(name_of(page) for page in pages - linked) == []

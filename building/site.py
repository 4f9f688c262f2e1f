"""What mkdocs does besides: pages that are made from the program, links that leave `docs`, and `llms.txt`.

mkdocs calls the functions named `on_…`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files

from building.links import FENCE, REPOSITORY, led
from building.reference import commands_page, schemas, schemas_page

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.nav import Navigation
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
_PARAGRAPH = re.compile(r"^(?![#|<!>-])\S[^\n]*(?:\n[^\n]+)*", re.MULTILINE)
_LONGEST = 200

MADE = {"Commands and options": "reference/commands.md", "JSON Schemas": "reference/json-schemas.md"}
"""Title and path of the pages that are made from the program."""

_navigation: list[Navigation] = []


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Makes the navigation: the sections of `docs/index.md`, each with the pages that are linked there."""
    text = (ROOT / "docs" / "index.md").read_text("utf-8")
    sections = navigation(text)
    sections["Start"].insert(0, {"Documentation": "index.md"})
    sections["Reference"] += [{title: path} for title, path in MADE.items()]
    config.nav = [{title: pages} for title, pages in sections.items()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages and files that are made from the program."""
    pages = dict(zip(MADE.values(), (commands_page(), schemas_page()), strict=True))
    for path, content in (pages | schemas()).items():
        files.append(File.generated(config, path, content=content))
    return files


def on_nav(nav: Navigation, **_: Any) -> Navigation:
    """Remembers which pages there are, and their order."""
    _navigation[:] = [nav]
    return nav


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Leads links to files that are not part of the site to the repository."""
    folder = (ROOT / "docs" / page.file.src_uri).parent
    return led(markdown, lambda path: target(folder, path))


def on_post_build(config: MkDocsConfig) -> None:
    """Writes `llms.txt`, and the Markdown of each page beside it, which `llms.txt` lists."""
    site = Path(config.site_dir)
    lines = [f"# {config.site_name}", "", f"> {config.site_description}."]
    section = None
    for page in _navigation[0].pages:
        if page.parent is not section:
            section = page.parent
            lines += ["", f"## {section.title if section else 'Pages'}", ""]
        copy = site / page.file.src_uri
        copy.write_text(page.markdown or "", "utf-8")
        said = summary(page.markdown or "")
        lines.append(f"- [{page.title}]({page.file.src_uri}){said and f': {said}'}")
    (site / "llms.txt").write_text("\n".join([*lines, ""]), "utf-8")


def navigation(index: str) -> dict[str, list[dict[str, str] | str]]:
    """The pages under each heading of an index, with their titles unless those are but numbers."""
    sections: dict[str, list[dict[str, str] | str]] = {}
    for section in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        heading, _, content = section.partition("\n")
        links = re.findall(r"\[([^\]]+)\]\(([^)#]+\.md)\)", content)
        sections[heading.partition(":")[0]] = [
            path if title.isdigit() else {f"Coming from {title}" if path.startswith("coming-from/") else title: path}
            for title, path in links
        ]
    return sections


def target(folder: Path, link: str) -> str:
    """Where a link of a page in `folder` leads: a path of the site, or an address of the repository."""
    path = (folder / link).resolve()
    if path.is_relative_to(ROOT / "docs") or not path.is_relative_to(ROOT):
        return link
    return f"{REPOSITORY}/blob/main/{path.relative_to(ROOT).as_posix()}"


def summary(markdown: str) -> str:
    """The first sentence of a page, or as much of it as fits a line."""
    found = _PARAGRAPH.search(FENCE.sub("", markdown))
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(found[0].split())) if found else ""
    sentence = re.split(r"(?<=[.?])\s", text, maxsplit=1)[0].removesuffix(":")
    return sentence if len(sentence) <= _LONGEST else sentence[: _LONGEST - 1].rsplit(" ", 1)[0] + "…"

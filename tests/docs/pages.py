"""The documentation as data: pages, their code blocks, their links.

A comment before a block says what it is:

- `<!-- file: shop.py -->`: the content of a file; of the repository, if it has one of that name.
- `<!-- run -->`: commands, each behind a `$`, that are run where the page's files are. `# exits with 99` says what
  one of them is to end with.
- `<!-- report -->`: the text of a report.

Python blocks need no comment: all of them are run or, if they declare a scenario, compiled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "RELEASING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"\[[^\]\[]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    mark: str
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name of the file that it is the content of."""
        kind, _, name = self.mark.partition(": ")
        return name if kind == "file" else None

    @property
    def place(self) -> str:
        """Page and line, as a test's id."""
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    """The page as the repository names it."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    return [
        Block(page, 1 + text.count("\n", 0, found.start("text")), found["mark"] or "", found["language"], found["text"])
        for found in _BLOCK.finditer(text)
    ]


def prose_of(page: Path) -> str:
    """The page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text("utf-8"))


def links_of(page: Path) -> list[str]:
    """Where the page's links lead."""
    return _LINK.findall(prose_of(page))


def inline_code_of(page: Path) -> list[str]:
    """What stands between single backticks."""
    return _CODE.findall(prose_of(page))


def anchors_of(page: Path) -> set[str]:
    """What a link may name behind `#`: the page's headings, as GitHub spells them."""
    headings = _HEADING.findall(prose_of(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands_of(block: Block) -> list[str]:
    """The commands of a console block, without their prompts."""
    return [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]

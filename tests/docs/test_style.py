"""Everything that ships is in the style that docs/contributing/style.md describes."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STYLE = ROOT / "docs/contributing/style.md"
_EXEMPT = {_STYLE, ROOT / "tests/docs/test_style.py"}

# Comparisons ("is no longer", "is no more than 5") and "there is no" are plain English.
_BANNED = {
    "is no X": r"(?<!there )(?<!There )\b(?:is|are|was|were) no "
    r"(?!longer\b|more\b|less\b|fewer\b|\w+er than\b|one\b)[a-z]",
    "stands in": r"\b(?:stands?|stood|standing) "
    r"(?:in(?! for\b)|beside|under|there|at|behind|above|below|before|after|alone)\b",
    "a text": r"\b[Aa] text\b(?! (?:file|editor|frame|log|document|report))|\b[Tt]exts\b",
    "so many": r"\b[Ss]o (?:many|few|long)\b(?! (?:as|that)\b)",
    "what came of": r"\b(?:what|which) (?:came|comes|became|becomes|become) of\b|\b(?:came|comes?) of it\b",
    "goes on": r"\b(?:go|goes|going|went) on\b(?! (?:a|an|the|to|its|their|top)\b)",
    "is said, is told": r"\b(?:is|are|was|were|be|been) (?:said|told)\b",
    "nobody, somebody": r"\b(?:[Nn]o|[Ss]ome|[Ee]very)body (?=\w)|(?<=\w )(?:no|some|every)body\b",
    "of its own accord": r"\bof (?:its|their) own accord\b",
    "of one's own": r"\bof one's own\b",
    "dated words": r"\b(?:[Ll]est|[Aa]new|[Mm]end(?:s|ed|ing)?|[Ss]uffic(?:e|es|ed))\b",
    "told apart": r"\b(?:[Tt]old|[Tt]ells?) (?:\w+ )?apart\b",
    "held against": r"\b(?:held|holds?|holding) (?:\w+ )?against\b",
    "on end": r"\bon end\b",
    "look whether": r"\blook(?:s|ed)? whether\b",
    "worked off": r"\bworked off\b",
    "is to be": r"\b(?:is|are|was|were) to be\b",
    "time-out": r"\b[Tt]ime-out",
}


@cache
def _files() -> tuple[Path, ...]:
    """The pages and sources under version control, tests too."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md", "*.py", "*.rs", "*.html", "*.toml", "*.yml", "*.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    paths = (ROOT / name for name in listed)
    return tuple(path for path in paths if path.exists() and path not in _EXEMPT)


@cache
def _prose(path: Path) -> str:
    """What a file says: the page, or the comments and strings of the source, each paragraph in one line."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        text = _comments_and_strings(text)
    elif path.suffix == ".rs":
        said = re.findall(r"^\s*//[/!]?(?: .*)?$|//.*$|\"(?:[^\"\\\\]|\\\\.)*\"", text, re.MULTILINE)
        text = "\n".join(re.sub(r"^\s*//[/!]?\s*", "", line) if "//" in line[:40] else f"\n{line}\n" for line in said)
    return "\n".join(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))


def _comments_and_strings(source: str) -> str:
    pieces: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            pieces.append(token.string.lstrip("# ") + "\n")
        elif token.type == tokenize.STRING:
            pieces.append(re.sub(r"^[rbfuRBFU]*[\"']+|[\"']+$", "", token.string) + "\n")
        elif token.type not in {tokenize.NL, tokenize.INDENT, tokenize.DEDENT} and pieces and pieces[-1] != "\n\n":
            pieces.append("\n\n")
    return "".join(pieces)


@pytest.mark.parametrize("phrase", _BANNED, ids=str)
def test_no_banned_phrase(phrase: str) -> None:
    """No page, message, docstring or comment uses the phrase."""
    found = [
        f"{name_of(path)}: …{text[max(match.start() - 30, 0) : match.end() + 30]}…"
        for path in _files()
        for text in [_prose(path)]
        for match in re.finditer(_BANNED[phrase], text)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("phrase", "sentence"),
    [
        ("is no X", "the value is no duration"),
        ("stands in", "the hash stands in the manifest"),
        ("a text", "it must be a text"),
        ("so many", "an arrival that finds so many users busy"),
        ("what came of", "what came of it"),
        ("goes on", "the run goes on: rows follow"),
        ("is said, is told", "a lost worker is noticed and said; it is told once"),
        ("nobody, somebody", "nobody listens"),
        ("time-out", "its time-out"),
    ],
)
def test_banned_phrases_are_found(phrase: str, sentence: str) -> None:
    """The patterns catch what they are for."""
    assert re.search(_BANNED[phrase], sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "there is no such file",
        "it is no longer open and no more than 5 are left",
        "the fake stands in for the network",
        "a text file",
        "so long as the run lasts",
        "put it on the next line",
    ],
)
def test_plain_english_passes(sentence: str) -> None:
    """The patterns leave correct uses alone."""
    assert [phrase for phrase, pattern in _BANNED.items() if re.search(pattern, sentence)] == []


def test_messages_say_what_is_missing() -> None:
    """A message says "X does not exist" or "unknown X", where prose may say "there is no X"."""
    found = [
        f"{name_of(path)}:{line}: {text}"
        for path in _files()
        if path.suffix == ".py" and name_of(path).startswith(("python/", "building/", "target_api/"))
        for line, text in _messages(ast.parse(path.read_text("utf-8")))
        if re.search(r"\b[Tt]here (?:is|are|was|were) no\b", text)
    ]
    assert found == []


def _messages(module: ast.Module) -> Iterator[tuple[int, str]]:
    """The strings of a module, without its docstrings."""
    bare = {id(each.value) for each in ast.walk(module) if isinstance(each, ast.Expr)}
    for each in ast.walk(module):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in bare:
            yield each.lineno, each.value


def test_the_page_is_short_and_linked() -> None:
    """Rules of 60 lines get read; contributors and readers of the index find them."""
    assert len(_STYLE.read_text("utf-8").splitlines()) <= 60
    for page in ("CONTRIBUTING.md", "docs/index.md"):
        assert "contributing/style.md" in (ROOT / page).read_text("utf-8")

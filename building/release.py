"""Checks a release: `python3 -m building.release v0.1.0 dist`.

Writes the notes of the release, which are the version's section of the changelog, to `dist-notes.md`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
NOTES = "dist-notes.md"
PLATFORMS = (
    r"manylinux_\w+_x86_64",
    r"manylinux_\w+_aarch64",
    r"musllinux_\w+_x86_64",
    r"musllinux_\w+_aarch64",
    r"macosx_\w+_arm64",
    r"macosx_\w+_x86_64",
)
"""Each has a wheel for every Python from 3.11 on."""
PAGES = ("README.md", "docs/guides/install-and-first-run.md")
"""The pages that say how loadcore is installed."""
NOT_YET = "not on a package index yet"
"""What they say before the first release."""


def main() -> int:
    """Checks a release and writes its notes; 0 if nothing is missing."""
    parser = argparse.ArgumentParser(prog="python3 -m building.release", description=__doc__)
    parser.add_argument("tag")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    problems = missing(arguments.tag, [path.name for path in arguments.folder.iterdir()], changelog)
    problems += outdated({name: (ROOT / name).read_text("utf-8") for name in PAGES})
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        return 1
    Path(NOTES).write_text(notes(changelog, version()) or "", "utf-8")
    return 0


def version() -> str:
    """The version that the sources have."""
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))
    return str(manifest["workspace"]["package"]["version"])


def missing(tag: str, files: Sequence[str], changelog: str) -> list[str]:
    """Everything that keeps a release from being one, each with its remedy."""
    own = version()
    problems = []
    if tag != f"v{own}":
        problems.append(f"the tag is {tag} and the sources are {own}: set `version` in Cargo.toml, or tag v{own}")
    if notes(changelog, own) is None:
        problems.append(f"CHANGELOG.md has no section {own}: give `Unreleased` its number and date")
    wanted = [rf"loadcore-{re.escape(own)}-cp311-abi3-{platform}\.whl" for platform in PLATFORMS]
    wanted += [rf"loadcore-{re.escape(own)}{end}" for end in (r"\.tar\.gz", r"-vendor\.tar\.xz")]
    # A wheel may have several platforms, as manylinux_2_17_x86_64.manylinux2014_x86_64.
    alternatives = [re.compile(pattern.replace(r"\.whl", r"(?:\.\w+)*\.whl")) for pattern in wanted]
    problems += [
        f"no file like {pattern}: look at the job that builds it"
        for pattern, found in zip(wanted, alternatives, strict=True)
        if not any(found.fullmatch(name) for name in files)
    ]
    return problems


def outdated(pages: Mapping[str, str]) -> list[str]:
    """Pages that deny the release."""
    remedy = "describe `pip install loadcore` and `uvx loadcore` instead"
    return [f"{name} says that loadcore is {NOT_YET}: {remedy}" for name, text in pages.items() if NOT_YET in text]


def notes(changelog: str, own: str) -> str | None:
    """A version's section of the changelog; None if it has none."""
    found = re.search(
        rf"^## {re.escape(own)} - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    return found[1].strip() + "\n" if found else None


if __name__ == "__main__":
    sys.exit(main())

"""Baselines: sets of runs by a name, kept as their summaries, so that they outlive the runs' folders.

`runs/baselines/NAME/RUN_ID.json`. The folder may be committed, or kept by a CI system's cache.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from loadcore.errors import ResultsError, UsageError
from loadcore.results import shape
from loadcore.results.run_folder import DEFAULT_ROOT, write_durably
from loadcore.results.sum.summary import schema
from loadcore.wording.refusals import refusing
from loadcore.wording.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PREFIX = "baseline:"
"""Before a baseline's name, where it is a run's place."""

_NAME = re.compile(r"\w[\w.-]*")


def folder_of(name: str) -> Path:
    """Where a baseline is kept.

    Raises:
        UsageError: It cannot be called so.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f'"{name}" cannot name a baseline: use letters, digits, "-", "_" and "."')
    return DEFAULT_ROOT / "baselines" / name


def save(name: str, summaries: Sequence[Mapping[str, Any]]) -> Path:
    """Keep these runs under a name. Those that had it before are replaced.

    Raises:
        UsageError: It cannot be called so.
        LimitsError: It cannot be written.
    """
    place = folder_of(name)
    new, old = place.with_name(f".{name}.new"), place.with_name(f".{name}.old")
    with refusing("cannot save the baseline", place):
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
        new.mkdir(parents=True)
        for each in summaries:
            write_durably(new / f"{each['run_id']}.json", json.dumps(each, ensure_ascii=False) + "\n")
        if place.exists():
            place.rename(old)
        new.rename(place)
        shutil.rmtree(old, ignore_errors=True)
    return place


def load(name: str) -> list[dict[str, Any]]:
    """The summaries of a baseline's runs, the oldest first.

    Raises:
        UsageError: No baseline can be called so.
        ResultsError: The baseline does not exist, or a summary in it cannot be read.
    """
    place = folder_of(name)
    files = sorted(place.glob("*.json"))
    if not files:
        others = [each.name for each in place.parent.glob("[!.]*") if each.is_dir()]
        known = did_you_mean(name, others) if others else ""
        hint = "make it with loadcore run SCENARIO --runs 5 --save-baseline NAME"
        raise ResultsError(f"baseline {name} does not exist{known}", hint=hint)
    return [_read(file) for file in files]


def _read(file: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = shape.parse(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise ResultsError(f"{file} cannot be read: {problem}") from problem
    if wrong := shape.fault(document, schema()):
        raise ResultsError(f"{file} is not the summary of a run: {wrong}", hint="save the baseline again")
    return document

"""Imports as tests see them: the text of the scenario, which compiles and passes the engine's check."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadcore.compiler import Options, compile_plan, compile_thresholds
from loadcore.imports.kinds import Kind, import_text, written
from loadcore.imports.settle import rebase
from loadcore.loader import scenario_file
from loadcore.plan.checked import checked

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from loadcore.imports.draft import Report


@dataclass(frozen=True)
class Result:
    """What an import wrote, and what it reported."""

    source: str
    report: Report
    plan: dict[str, Any]

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps of the first scenario, as the engine gets them."""
        steps: list[dict[str, Any]] = self.plan["scenarios"][0]["steps"]
        return steps


def imported(
    kind: Kind, content: str | dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch, *, think: bool = False
) -> Result:
    """Imports a file, and compiles the scenario with a value for each variable of the environment."""
    text = content if isinstance(content, str) else json.dumps(content)
    found = import_text(kind, text, "shop.json", think=think)
    for name in found.environment:
        monkeypatch.setenv(name, f"value-of-{name}")
    if any(draft.base_url is None for draft in found.drafts):
        rebase(found, "http://127.0.0.1:9")
    source = written(found, kind, "shop.json", "shop.py")
    path = folder / "shop.py"
    path.write_text(source, encoding="utf-8")
    file = scenario_file.load(path)
    plan = compile_plan(file.scenarios, Options(seed=1))
    checked(plan)
    compile_thresholds(plan, file.scenarios, file.thresholds)
    return Result(source, found.report, dict(plan.document))

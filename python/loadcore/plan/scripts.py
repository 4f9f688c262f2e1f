"""The scripts of a plan: code of the user's that steps leave iterations to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.plan.walk import walk

if TYPE_CHECKING:
    from loadcore.plan.document import ScenarioPlan
    from loadcore.plan.plan import Plan

_MODULE = "loadcore.scripting.worker"


def has_script(scenario: ScenarioPlan) -> bool:
    """Whether a script does anything of a scenario."""
    steps = [*scenario["on_start"], *scenario["steps"], *scenario.get("on_stop", ())]
    return any(step["kind"] == "script" for step in walk(steps))


def program(plan: Plan) -> dict[str, Any] | None:
    """What workers run of the scripts of a plan; None if it has none."""
    scripts: list[dict[str, Any]] = [dict(each) for each in plan.document.get("scripts", ())]
    if not scripts:
        return None
    folders = [str(Path(script["file"]).parent) for script in scripts if "file" in script]
    return {
        "module": _MODULE,
        "arguments": {
            "scripts": scripts,
            "scenarios": [(scenario["name"], has_script(scenario)) for scenario in plan.document["scenarios"]],
            "seed": plan.seed,
        },
        "paths": list(dict.fromkeys([*folders, str(Path.cwd())])),
    }

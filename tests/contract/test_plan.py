"""The plan is a contract between two languages: the same file is written by one test and read by another.

`everything.plan.json` is what the compiler makes of `everything.py`. The engine's `tests/plan_shapes.rs` reads it.
After a deliberate change `python -m tests.contract.test_plan` rewrites it; the difference is what changed.
"""

from __future__ import annotations

import json
from pathlib import Path

from loadcore.compiler import Options, compile_plan
from loadcore.loader import scenario_file

FOLDER = Path(__file__).parent / "plan"
GOLDEN = FOLDER / "everything.plan.json"


def everything() -> str:
    """The plan of the file that says everything, with the folder it lies in taken out."""
    file = scenario_file.load(FOLDER / "everything.py")
    plan = compile_plan(file.scenarios, Options(seed=7, name="everything")).to_json()
    return json.dumps(json.loads(plan.replace(str(FOLDER), "/scenarios")), indent=1, ensure_ascii=False) + "\n"


def test_the_compiler_writes_the_plan_that_the_engine_reads() -> None:
    """What the compiler makes of every declaration there is has not changed by accident."""
    assert everything() == GOLDEN.read_text("utf-8")


if __name__ == "__main__":
    GOLDEN.write_text(everything(), "utf-8")

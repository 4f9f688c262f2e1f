"""The code in the documentation of scenarios is code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadcore.compiler import Options, compile_plan, compile_thresholds
from loadcore.judge.thresholds.grammar import _UNITS
from loadcore.loader import scenario_file
from tests.unit.compiler.flows import BASE_URL

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("guides/write-a-scenario.md", "reference/scenario.md", "reference/thresholds.md")
BLOCKS = [
    pytest.param(block, id=f"{Path(page).stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL))
]
WRAPPER = f"\nfrom loadcore import Scenario\nwrapped = Scenario('wrapped', base_url='{BASE_URL}', steps={{steps}})\n"


@pytest.mark.parametrize("block", BLOCKS)
def test_code_blocks_are_scenario_files(block: str, tmp_path: Path) -> None:
    """Each block, put into a file as it stands, loads and compiles; steps alone are put into a scenario."""
    if "Scenario(" not in block:
        steps = next(
            (f"[{name}]" if name == "order" else name for name in ("order", "steps") if f"{name} =" in block), None
        )
        block += WRAPPER.format(steps=steps or "[__import__('loadcore').get('/', auth=login)]")
    (tmp_path / "users.csv").write_text("username,password\na,1\nb,2\nc,3\n")
    (tmp_path / "page.py").write_text(block, "utf-8")
    file = scenario_file.load(tmp_path / "page.py")
    plan = compile_plan(file.scenarios, Options(seed=1))
    assert compile_thresholds(plan, file.scenarios, file.thresholds) != ()


@pytest.mark.parametrize("metric", _UNITS)
def test_every_metric_is_in_the_reference(metric: str) -> None:
    """What can be judged can be looked up."""
    assert f"| `{metric}` |" in (DOCS / "reference/thresholds.md").read_text("utf-8")

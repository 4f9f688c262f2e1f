"""From declarations to the plan.

`override` changes scenarios as whoever starts a run wants them; `compile_plan` reads scenarios and gives the plan;
`compile_thresholds` gives the rules by which the run is judged; `compile_run` does both and lets the engine look at the
plan. Everything that is wrong is raised at once, with its place in the user's file.
"""

from loadcore.compiler.options import Options
from loadcore.compiler.overrides import Overrides, override
from loadcore.compiler.plan import compile_plan
from loadcore.compiler.run import compile_run
from loadcore.compiler.thresholds import compile_thresholds

__all__ = ["Options", "Overrides", "compile_plan", "compile_run", "compile_thresholds", "override"]

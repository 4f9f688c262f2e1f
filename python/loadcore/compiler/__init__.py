"""From declarations to the plan.

`override` changes scenarios as whoever starts a run wants them; `compile` reads scenarios and gives the plan;
`compile_thresholds` gives the rules by which the run is judged; `compile_run` does both and lets the engine look at the
plan. Everything that is wrong is
raised at once, with its place in the user's file.
"""

from loadcore.compiler.claims import compile_thresholds
from loadcore.compiler.compile import compile  # noqa: A004 - read as compiler.compile
from loadcore.compiler.options import Options
from loadcore.compiler.overrides import Overrides, override
from loadcore.compiler.together import compile_run

__all__ = ["Options", "Overrides", "compile", "compile_run", "compile_thresholds", "override"]

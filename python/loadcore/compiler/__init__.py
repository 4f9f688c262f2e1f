"""From declarations to the plan.

`compile` reads scenarios, applies the options of a run, and gives the plan; `compile_thresholds` gives the rules by
which the run is judged. Everything that is wrong is raised at once, with its place in the user's file.
"""

from loadcore.compiler.claims import compile_thresholds
from loadcore.compiler.compile import compile  # noqa: A004 - read as compiler.compile
from loadcore.compiler.options import Options

__all__ = ["Options", "compile", "compile_thresholds"]

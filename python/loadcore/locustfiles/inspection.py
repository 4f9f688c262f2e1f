"""Looks at a Locust file in a process of its own, so that Locust is not imported into the supervisor's.

As a script: reads `{"path": …, "arguments": […]}` on standard input and writes facts, or what is wrong, on standard
output.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from loadcore.errors import InternalError, LoadcoreError, PlanError, Problem, ScenarioError, ScenarioRaised, UsageError
from loadcore.locustfiles import children

if TYPE_CHECKING:
    from collections.abc import Sequence


def inspect(path: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The facts of a Locust file.

    Raises:
        ScenarioError: There is something wrong with the file.
        ScenarioRaised: It raised an exception.
        UsageError: Its options make no sense.
    """
    request = json.dumps({"path": path, "arguments": list(arguments)})
    child = subprocess.run(
        children.command("inspection"),
        input=request,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env=children.environment(),
    )
    try:
        document: dict[str, Any] = json.loads(child.stdout)
    except ValueError:
        message = f"looking at {path} ended with {child.returncode}"
        raise ScenarioRaised(message, hint="does the file end the process?") from None
    if "error" in document:
        raise error_of(document["error"])
    return document


def error_of(error: dict[str, Any]) -> LoadcoreError:
    """An error that another process has met."""
    match error:
        case {"kind": "usage", "message": message, "hint": hint}:
            return UsageError(message, hint=hint)
        case {"kind": "raised", "message": message, "frames": frames, "hint": hint}:
            return ScenarioRaised(message, tuple(frames), hint=hint)
        case {"kind": "problems", "problems": problems}:
            return ScenarioError([Problem(**each) for each in problems])
        case _:
            return InternalError(str(error))


def as_json(error: LoadcoreError) -> dict[str, Any]:
    """An error as JSON types, for `error_of`."""
    match error:
        case ScenarioRaised():
            return {"kind": "raised", "message": error.message, "frames": error.frames, "hint": error.hint}
        case PlanError():
            fields = ("message", "at", "hint", "path")
            problems = [{name: getattr(problem, name) for name in fields} for problem in error.problems]
            return {"kind": "problems", "problems": problems}
        case _:
            return {"kind": "usage", "message": str(error), "hint": error.hint}


def main() -> int:
    """Look at one file."""
    import os  # noqa: PLC0415 - of the child only

    request = json.load(sys.stdin)
    report = os.fdopen(os.dup(1), "w")
    # Whatever the file prints is not the report.
    os.dup2(2, 1)
    try:
        from loadcore.locustfiles import locustfile  # noqa: PLC0415 - imports Locust

        document = locustfile.facts_of(locustfile.load(request["path"], request["arguments"]))
    except LoadcoreError as error:
        document = {"error": as_json(error)}
    with report:
        json.dump(document, report)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

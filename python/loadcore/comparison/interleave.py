"""Running two commands by turns, so that what drifts on the machine meets both alike."""

from __future__ import annotations

import os
import random
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loadcore.comparison.sides import side_of
from loadcore.errors import ExitCode, RunError, UsageError
from loadcore.results.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from loadcore.comparison.sides import Side

SIDES: Final = ("a", "b")
_OUT: Final = "LOADCORE_OUT"
_OURS: Final = frozenset({"LOADCORE_RUNS", "LOADCORE_BASELINE", "LOADCORE_SAVE_BASELINE"})
"""What is meant for this command would make each run several."""
_MEASURED: Final = frozenset(
    {ExitCode.PASS, ExitCode.THRESHOLD_CROSSED, ExitCode.INVALID, ExitCode.REGRESSION, ExitCode.NO_DATA}
)
"""What a command ends with that made a run, whatever that is worth."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of one command.

    Attributes:
        side: `a` or `b`.
        number: Which run of that side, from 1 on.
    """

    side: str
    number: int


def turns(runs: int, first: str | None = None) -> list[Turn]:
    """The order of the runs: A B B A A B …, so that neither side is always first.

    Args:
        runs: How many of each.
        first: Which side begins; by chance if None.
    """
    one = first or random.choice(SIDES)
    other = SIDES[1 - SIDES.index(one)]
    order = []
    for number in range(1, runs + 1):
        pair = (one, other) if number % 2 else (other, one)
        order += [Turn(side, number) for side in pair]
    return order


def words_of(command: str, option: str) -> list[str]:
    """The words of a command, which is started without a shell.

    Raises:
        UsageError: It cannot be started.
    """
    try:
        words = shlex.split(command)
    except ValueError as problem:
        raise UsageError(f"{option}: the command cannot be read: {problem}") from None
    if not words:
        raise UsageError(f"{option}: the command is empty", hint=f"{option} 'loadcore run shop.py'")
    if shutil.which(words[0]) is None:
        hint = "a command of a shell needs one: sh -c '…'"
        raise UsageError(f"{option}: could not find the program {words[0]}", hint=hint)
    return words


def interleave(
    commands: Mapping[str, Sequence[str]], runs: int, folder: Path, tell: Callable[[str], object]
) -> tuple[Side, Side]:
    """Run two commands by turns; the runs of either.

    Args:
        commands: The words of a command for each side.
        runs: How many of each.
        folder: Where the run folders are made: `a-1`, `b-1`, `b-2`, …
        tell: Gets a line for each run.

    Raises:
        RunError: A command failed, or made no run.
    """
    order = turns(runs)
    for place, turn in enumerate(order, start=1):
        out = folder / f"{turn.side}-{turn.number}"
        tell(f"run {place} of {len(order)}: {turn.side.upper()}")
        _run(commands[turn.side], turn, out)
    made = {side: [folder / f"{side}-{number}" for number in range(1, runs + 1)] for side in SIDES}
    before, after = (side_of(made[side], shlex.join(commands[side])) for side in SIDES)
    return before, after


def _run(words: Sequence[str], turn: Turn, out: Path) -> None:
    """One run. What the command prints as its result is not ours."""
    environment = {name: value for name, value in os.environ.items() if name not in _OURS}
    environment |= {_OUT: str(out.absolute())}
    ended = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    code = ended.returncode
    if code in {ExitCode.INTERRUPTED, ExitCode.TERMINATED} or code < 0:
        stopped = RunError(f"stopped in run {turn.number} of --{turn.side}: nothing to compare")
        stopped.exit_code = ExitCode.TERMINATED if code == ExitCode.TERMINATED else ExitCode.INTERRUPTED
        raise stopped
    if code not in _MEASURED:
        failed = RunError(f"the command of --{turn.side} exited with {code}: {shlex.join(words)}")
        failed.exit_code = ExitCode.CONFIG
        raise failed
    if not RunFolder(out).start.is_file():
        missing = RunError(
            f"the command of --{turn.side} made no run in {out}: {shlex.join(words)}",
            hint="it must be a loadcore command without --out and --runs: the folder comes from LOADCORE_OUT",
        )
        missing.exit_code = ExitCode.CONFIG
        raise missing

"""What a test may say about a run on a machine that others use as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.errors import ExitCode

if TYPE_CHECKING:
    from loadcore.results.open.run import Run

_OF_THE_MACHINE = {"cpu", "lag"}


def exit_codes(run: Run) -> list[int]:
    """The codes for which a run had reasons, less the client's where only other programs of this machine were it."""
    codes = [code for code in run.verdict["exit_codes"] if code]
    if {each["rule"] for each in run.findings if each["severity"] == "invalid"} <= _OF_THE_MACHINE and not run.summary[
        "workers_lost"
    ]:
        codes = [code for code in codes if code != ExitCode.INVALID]
    return codes


def reasons(run: Run) -> list[str]:
    """The reasons of a run, less those that only other programs of this machine gave its client."""
    own = [each["message"] for each in run.findings if each["rule"] in _OF_THE_MACHINE]
    return [reason for reason in run.verdict["reasons"] if not any(reason.endswith(message) for message in own)]

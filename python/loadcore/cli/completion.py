"""Completion in the shell: installing it, and what the installed script asks for."""

import os

import typer
from typer import completion as of_typer

from loadcore.cli.console import standard
from loadcore.errors import UsageError

VARIABLE = "_LOADCORE_COMPLETE"
"""Set by the installed script, which wants to know what could come next."""
_SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def get_ready() -> None:
    """Have typer know the shells, where one of them asks."""
    if VARIABLE in os.environ:
        of_typer.completion_init()  # type: ignore[attr-defined]  # typer has it from a module of its own


def install(context: typer.Context, asked: bool) -> None:
    """Installs completion for the shell that loadcore was started from, says where, and ends."""
    if asked and not context.resilient_parsing:
        shell = _shell()
        _, path = of_typer.install(shell=shell, prog_name="loadcore")  # type: ignore[attr-defined]  # see above
        standard().result(f"{shell} completion installed in {path}; open a new terminal to use it")
        raise typer.Exit


def show(context: typer.Context, asked: bool) -> None:
    """Prints the script that `install` would install, and ends."""
    if asked and not context.resilient_parsing:
        script = of_typer.get_completion_script(  # type: ignore[attr-defined]  # see above
            prog_name="loadcore", complete_var=VARIABLE, shell=_shell()
        )
        standard().result(script)
        raise typer.Exit


def _shell() -> str:
    """The shell that loadcore was started from, or else the user's login shell.

    Raises:
        UsageError: The shell is not supported, or could not be detected.
    """
    import shellingham

    try:
        found = str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        found = ""
    for shell in (found, os.environ.get("SHELL", "").rpartition("/")[2]):
        if shell in _SHELLS:
            return shell
    which = f"{found} is not supported" if found else "could not detect the shell"
    raise UsageError(which, hint=f"run this in one of {', '.join(_SHELLS)}")

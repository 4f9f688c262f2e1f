"""Completion in the shell, and the check of a machine: both are quick, and need nothing of a run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.e2e.command import environment

if TYPE_CHECKING:
    from pathlib import Path


def _python(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _in_shell(shell: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What a command prints that is started from a shell, which stays there as its parent."""
    command = shlex.join([sys.executable, "-m", "loadcore", *arguments])
    variables = {"HOME": str(cwd), "SHELL": "/no/shell"}
    return subprocess.run(
        [shell, "-c", f"{command}; exit $?"],
        cwd=cwd,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_completion_installs_with_one_command(tmp_path: Path) -> None:
    """One line says where it went, and the shell's start-up file leads there."""
    done = _in_shell("bash", "--install-completion", cwd=tmp_path)
    script = tmp_path / ".bash_completions" / "loadcore.sh"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"bash completion installed in {script}; open a new terminal to use it\n"
    assert str(script) in (tmp_path / ".bashrc").read_text("utf-8")
    assert "_LOADCORE_COMPLETE=complete_bash" in script.read_text("utf-8")


def test_the_completion_script_is_shown(tmp_path: Path) -> None:
    """On stdout, to be kept wherever the user wants it; nothing is installed."""
    done = _in_shell("bash", "--show-completion", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_LOADCORE_COMPLETE=complete_bash" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_completion_while_one_types_installs_nothing(tmp_path: Path) -> None:
    """The line that is being completed may hold the option that installs."""
    asked = {"_LOADCORE_COMPLETE": "complete_bash", "COMP_CWORD": "2", "COMP_WORDS": "loadcore --install-completion be"}
    done = _python("-m", "loadcore", cwd=tmp_path, HOME=str(tmp_path), SHELL="/bin/bash", **asked)
    assert done.stdout.split() == ["bench"]
    assert list(tmp_path.iterdir()) == []


def test_commands_and_options_are_completed(tmp_path: Path) -> None:
    """As the installed script asks for them."""
    asked = {"_LOADCORE_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    commands = _python("-m", "loadcore", cwd=tmp_path, **asked, COMP_WORDS="loadcore d")
    assert commands.stdout.split() == ["doctor", "demo"]
    options = _python(
        "-m", "loadcore", cwd=tmp_path, **{**asked, "COMP_CWORD": "2"}, COMP_WORDS="loadcore bench --dura"
    )
    assert options.stdout.split() == ["--duration"]


def test_the_doctor_looks_without_what_runs_and_reports_need(tmp_path: Path) -> None:
    """It reads a few files of the kernel, so Arrow, the engine and the templates stay out."""
    program = (
        "import sys; from loadcore.cli.app import main; main(['doctor']); "
        "print(sorted({'pyarrow', 'numpy', 'jinja2', 'rich.live', 'loadcore._core'} & set(sys.modules)))"
    )
    done = _python("-c", program, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr

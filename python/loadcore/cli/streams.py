"""The standard streams of a command: there even where its parent closed them, and stdout for the result alone."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

_STANDARD = ("stdin", "stdout", "stderr")

_results: TextIO | None = None


def ensure_open() -> None:
    """Have all three open, as daemons do for themselves.

    systemd, cron and `>&-` close them. Python then has None in their place, and the next file that is opened becomes
    standard output.
    """
    for number, name in enumerate(_STANDARD):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))


def keep_for_results() -> None:
    """From now on stdout is for `results` alone: what anything else prints, in whatever way, goes to stderr.

    For commands that run a user's code, which may print at any time, in any thread, and start programs that do. Where
    stdout is not that of the process (a test, a notebook), nothing is done.
    """
    global _results  # noqa: PLW0603 - a process has one standard output
    if _results is not None or sys.stdout is not sys.__stdout__ or not isinstance(sys.stdout, io.TextIOWrapper):
        return
    sys.stdout.flush()
    own = os.dup(sys.stdout.fileno())
    _results = os.fdopen(own, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr


def results() -> TextIO:
    """Where results are written to."""
    return _results or sys.stdout

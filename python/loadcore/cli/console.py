"""The only place that prints: results to stdout, everything else to stderr."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import sys
from typing import TYPE_CHECKING, TextIO

from loadcore.cli import streams
from loadcore.report.glyphs import ASCII, UNICODE, Glyphs, printable
from loadcore.wording.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.errors import LoadcoreError
    from loadcore.report.layout import Page

WIDEST = 120
"""No line is longer, however wide the terminal is."""

_USUAL = 80
"""Where there is no terminal."""

_NARROWEST = 30


class Console:
    """Writes to the two streams of a command.

    A reader that went away (`| head`, a closed terminal) ends the printing and nothing else: the run continues and
    keeps its exit code. A result that was lost for another reason (a full disk) is an error.

    Args:
        out: Where results go.
        err: Where everything else goes.
        environ: The process' environment.
        color: `auto`, `always` or `never`.
        quiet: Whether notes are left out.
    """

    def __init__(
        self, out: TextIO, err: TextIO, environ: Mapping[str, str], color: str = "auto", *, quiet: bool = False
    ) -> None:
        self._out = out
        self._err = err
        self._environ = environ
        self.color = color
        self.quiet = quiet

    def result(self, text: str) -> None:
        """Prints a result.

        Raises:
            LimitsError: It could not be written, although there is a reader.
        """
        problem = _write(self._results, text)
        if problem is not None:
            raise refusal(problem, "could not write the result to stdout") or problem

    def note(self, text: str) -> None:
        """Prints what is not the result; nothing if the user asked for quiet."""
        if not self.quiet:
            self._tell(text)

    def error(self, message: str, hint: str | None = None) -> None:
        """Prints what went wrong and what to do about it."""
        first, *rest = message.splitlines() or ["unknown"]
        self._tell("\n".join([first, *(f"  {line}" for line in rest)]), "error")
        if hint:
            self._tell(hint, "hint")

    def failure(self, error: LoadcoreError) -> None:
        """Prints an exception of ours in the shape of every error."""
        problems = getattr(error, "problems", ())
        if not problems:
            self.error(str(error), error.hint)
        for problem in problems:
            place = problem.at or problem.path
            self.error(f"{place}: {problem.message}" if place else problem.message, problem.hint)

    def bug(self, error: Exception, where: str) -> None:
        """Prints an unexpected exception, with its traceback, and where to report it."""
        import traceback

        self._tell("".join(traceback.format_exception(error)).rstrip())
        self.error(
            f"loadcore failed: {type(error).__name__}: {error}",
            f"this is a bug in loadcore; please report it: {where}",
        )

    def page(self) -> Page:
        """What results are drawn on."""
        return self._page(self._results)

    def err_page(self) -> Page:
        """What notes and live views are drawn on."""
        return self._page(self._err)

    @property
    def live(self) -> bool:
        """Whether stderr is a terminal that can be drawn on. Where CI gives a command one, it keeps what it draws."""
        return self._err.isatty() and self._environ.get("TERM", "") not in {"dumb", ""} and not self.in_ci

    @property
    def dumb(self) -> bool:
        """Whether the terminal says that it cannot be drawn on."""
        return self._environ.get("TERM") == "dumb"

    @property
    def in_ci(self) -> bool:
        """Whether a CI system says that it runs this."""
        return self._environ.get("CI", "").lower() not in {"", "0", "false"}

    @property
    def stderr(self) -> TextIO:
        """The stream of notes, for a live view that draws by itself."""
        return self._err

    @property
    def _results(self) -> TextIO:
        """The stream of results, which may have been put aside since this console was made."""
        return streams.results() if self._out is sys.__stdout__ else self._out

    def _page(self, stream: TextIO) -> Page:
        from loadcore.report.layout import Page, unpainted

        if not wants_color(stream, self.color, self._environ):
            return Page(self._width(), glyphs_of(stream), unpainted)
        from loadcore.report.paint import painted

        return Page(self._width(), glyphs_of(stream), painted)

    def _width(self) -> int:
        columns = self._environ.get("COLUMNS", "")
        width = int(columns) if columns.isdigit() and int(columns) else shutil.get_terminal_size((_USUAL, 24)).columns
        return max(_NARROWEST, min(width, WIDEST))

    def _tell(self, text: str, word: str = "") -> None:
        """Writes to stderr what may have come from anywhere: no control character reaches the terminal."""
        lines = (printable(line, glyphs_of(self._err)) for line in text.split("\n"))
        start = f"{self._word(word)}: " if word else ""
        _write(self._err, start + "\n".join(lines))

    def _word(self, word: str) -> str:
        if not wants_color(self._err, self.color, self._environ):
            return word
        from loadcore.report.layout import Role
        from loadcore.report.paint import painted

        return painted(word, Role.BAD if word == "error" else Role.HEADING)


def standard(color: str = "auto", *, quiet: bool = False) -> Console:
    """The console of this process."""
    out = streams.results()
    for stream in (out, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A character that a stream cannot carry must not cost the report.
            stream.reconfigure(errors="backslashreplace")
    return Console(out, sys.stderr, os.environ, color, quiet=quiet)


def wants_color(stream: TextIO, choice: str, environ: Mapping[str, str]) -> bool:
    """Whether to colour: the choice, else `NO_COLOR`, `FORCE_COLOR`, `TERM=dumb`, else whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def glyphs_of(stream: TextIO) -> Glyphs:
    """Unicode where the stream can carry it, else ASCII."""
    encoding = (stream.encoding or "").lower().replace("-", "").replace("_", "")
    return UNICODE if encoding == "utf8" else ASCII


def _write(stream: TextIO, text: str) -> OSError | None:
    """Writes a line. Returns why a reader that still listens does not get it."""
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except OSError as problem:
        left = _left(stream, problem)
        # Python would complain again when it flushes at exit, so that must have somewhere to go.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return None if left else problem
    return None


def _left(stream: TextIO, problem: OSError) -> bool:
    """Whether the reader has gone: a pipe is broken, a terminal is closed. A file that fails was still wanted."""
    hung_up = problem.errno == errno.EIO and not stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    return hung_up or problem.errno in {errno.EPIPE, errno.ECONNRESET}

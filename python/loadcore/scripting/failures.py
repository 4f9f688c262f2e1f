"""What ends an iteration as failed. None of it is an error of the script.

IterationFailed        raise it yourself, or let one of these pass
├── NoResponse         a part of a response was read that never arrived
├── UnexpectedStatus   `raise_for_error` met a status that `expect` does not name
├── CheckFailed        a check with `stop=True` does not hold
├── NotJson            a body that should be JSON is not
└── ValueMissing       nothing is at the JSONPath, or there is no such header
"""

from __future__ import annotations

from loadcore.errors import LoadcoreError


class IterationFailed(LoadcoreError):  # noqa: N818 - reads as what happened
    """Ends the iteration as failed, and is not an error of the script. Yours to raise, too."""


class NoResponse(IterationFailed):
    """A part of a response was read that never arrived.

    Attributes:
        error: The outcome of the request: `connect_refused`, `timeout_total`, …
    """

    def __init__(self, message: str, error: str) -> None:
        super().__init__(message)
        self.error = error


class UnexpectedStatus(IterationFailed):
    """`raise_for_error` met a status that `expect` does not name."""


class CheckFailed(IterationFailed):
    """A check with `stop=True` does not hold."""


class NotJson(IterationFailed, ValueError):  # noqa: N818
    """A body that should be JSON is not."""


class ValueMissing(IterationFailed, KeyError):  # noqa: N818
    """Nothing is at the JSONPath, or there is no such header. A `KeyError`, so that `Mapping.get` and `in` work."""

    def __str__(self) -> str:
        """The message itself, where a `KeyError` would quote it."""
        return str(self.args[0])

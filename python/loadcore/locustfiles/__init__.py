"""Locust files: the real Locust runs them, with loadcore's engine under its clients.

Nothing in this package may be imported by the supervisor, the API or a notebook, except what does not import Locust:
importing Locust changes `socket`, `threading` and more for the whole process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadcore.locustfiles.installation import Installation


def install() -> Installation:
    """Put the engine under Locust's clients in this process. Imports Locust."""
    from loadcore.locustfiles import standalone  # noqa: PLC0415 - imports Locust

    return standalone.start()

"""A listener that has the newest measures of a run at hand, whoever asks for them, and in whatever thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.live.listeners import Listener
from loadcore.telemetry.measures import Measures, measures_of

if TYPE_CHECKING:
    from loadcore.results.sum.totals import Totals


class Exporter(Listener):
    """Follows a run and keeps its measures. What is done with them is for the subclass."""

    def __init__(self) -> None:
        self.measures = Measures()

    def on_totals(self, totals: Totals) -> None:
        """A second is complete, or the run."""
        self.measures = measures_of(totals)

    def close(self) -> None:
        """The run has ended, or did not start. May be called more than once."""

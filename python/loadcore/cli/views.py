"""Chooses how a run is shown while it runs."""

from typing import TYPE_CHECKING

from loadcore.cli.console import WIDEST, Console
from loadcore.cli.options import Progress

if TYPE_CHECKING:
    from loadcore.live.heading import Heading
    from loadcore.live.view import FrameListener


def view_for(progress: Progress, console: Console, heading: "Heading") -> "FrameListener | None":
    """The listener that shows a run; None to show nothing.

    Args:
        progress: What the user asked for; `auto` is live on a terminal, lines elsewhere. A
            terminal that calls itself dumb gets lines in any case.
        console: Where it is shown.
        heading: What is known of it before it starts.
    """
    if console.quiet or progress is Progress.NONE:
        return None
    if (progress is Progress.LIVE and not console.dumb) or (progress is Progress.AUTO and console.live):
        from loadcore.live.terminal import TerminalView

        return TerminalView(heading, console.stderr, console.err_page(), WIDEST)
    from loadcore.live.lines import PERIOD_IN_CI_S, PERIOD_S, JsonLinesView, LinesView

    if progress is Progress.JSON:
        return JsonLinesView(heading, console.note)
    return LinesView(heading, console.note, PERIOD_IN_CI_S if console.in_ci else PERIOD_S)

"""What a worker process runs of a Locust file."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadcore.locustfiles.program import Program


def prepare(arguments: dict[str, Any], share: int, shares: int) -> Program:
    """Import the file and read its options.

    Args:
        arguments: `path`, `arguments`, `seed`, and with several workers `master_port`.
        share: Which worker this is.
        shares: Of how many.
    """
    if not os.environ.get("LOCUST_SKIP_MONKEY_PATCH"):
        from gevent import monkey  # noqa: PLC0415 - see below

        # Locust does so while it is imported. Here other threads run by now, and an import that is under way holds a
        # lock that no thread would own any more: threads have other numbers afterwards.
        monkey.patch_all()
    from loadcore.locustfiles import locust_options, locustfile  # noqa: PLC0415 - imports Locust
    from loadcore.locustfiles.program import Program  # noqa: PLC0415 - the same

    if arguments.get("seed") is not None:
        random.seed(arguments["seed"] + share)
    file = locustfile.load(arguments["path"], arguments["arguments"])
    master_port = arguments.get("master_port")
    if master_port is not None:
        locust_options.without_results(file.options)
    return Program(file, master_port, share, shares)

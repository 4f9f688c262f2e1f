"""The process without users that runs Locust's master, where several workers have users.

It decides who starts how many users, runs the shape, gets the reports of all workers, and has the listeners that are
the master's: what Locust's own `--processes` has. As a script: one line of JSON on standard input says what to run, the
next one (or the end of the input) that the run is over; lines of JSON on standard output are `{"port": …}` and, at the
end, `{"ended": …}`.
"""

from __future__ import annotations

import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any

from loadcore.errors import LoadcoreError
from loadcore.locustfiles import inspection

if TYPE_CHECKING:
    from typing import TextIO

_WORKERS_WITHIN_S = 60.0
_LOOK_S = 0.05


def main() -> None:
    """Run one master."""
    request = json.loads(sys.stdin.buffer.readline())
    report = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        _run(request, report)
    except LoadcoreError as error:
        report.write(json.dumps({"error": inspection.as_json(error)}) + "\n")
    report.flush()
    sys.stderr.flush()
    os._exit(0)


def _run(request: dict[str, Any], report: TextIO) -> None:
    import gevent  # noqa: PLC0415 - of this process only
    from gevent.os import tp_read  # noqa: PLC0415

    from loadcore.locustfiles import locustfile  # noqa: PLC0415 - imports Locust
    from loadcore.locustfiles.merged_stats import MergedStats  # noqa: PLC0415
    from loadcore.locustfiles.patches import Patches  # noqa: PLC0415
    from loadcore.locustfiles.reports import MasterReports  # noqa: PLC0415
    from loadcore.locustfiles.session import Session  # noqa: PLC0415

    if request["patience_s"] is not None:
        from locust import runners  # noqa: PLC0415 - the same

        # In heartbeats. Users that begin elsewhere while the silent worker still has them are double load.
        runners.HEARTBEAT_LIVENESS = math.ceil(request["patience_s"] / runners.HEARTBEAT_INTERVAL)
    patches = Patches()
    patches.stats(MergedStats)
    reports = MasterReports(patches)
    file = locustfile.load(request["path"], request["arguments"])
    session = Session(file, lambda environment: environment.create_master_runner("127.0.0.1", 0))
    reports.watch(session.runner)
    session.initialize()
    report.write(json.dumps({"port": session.runner.server.port}) + "\n")
    told = gevent.spawn(tp_read, sys.stdin.fileno(), 1)
    ready = gevent.spawn(_until_ready, session.runner, request["workers"])
    with session.ending_as_asked(reports.dismiss):
        gevent.wait([ready, told], count=1)
        if ready.successful() and ready.value:
            session.start()
            gevent.wait([gevent.spawn(session.wait), told], count=1)
        session.end()
    report.write(json.dumps({"ended": session.document()}) + "\n")


def _until_ready(runner: Any, workers: int) -> bool:
    """Wait for all workers; whether they came."""
    import gevent  # noqa: PLC0415 - of this process only

    with gevent.Timeout(_WORKERS_WITHIN_S, exception=False):
        while len(runner.clients.ready) < workers:
            gevent.sleep(_LOOK_S)
        return True
    return False


if __name__ == "__main__":
    main()

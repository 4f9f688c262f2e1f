"""The first lines of a worker's process, run as a script: `worker_boot.py MODULE SUPERVISOR_PID LIFELINE PACKAGES`.

Imports take a moment, on a busy machine a long one, and a worker that is still importing hears nothing. So it first
makes sure that it ends with its supervisor. Nothing of loadcore may be imported here at the top: that is what it must
not wait for.

Where no code of the user runs, Python was started without its `site` module, which looks through folders of packages
that such a worker has no use for. `PACKAGES` is the folder that loadcore itself is in.
"""

import fcntl
import importlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable

LOOK_EVERY_MS = 200


def watch(supervisor: int, lifeline: int) -> Callable[[], None]:
    """End this process as soon as the supervisor is gone, until what is given back is called.

    The lifeline is a pipe whose other end the supervisor alone holds. When that is closed the kernel sends SIGIO, which
    ends the process whatever it does. Where a pipe sends none, or another process holds its end, too, a thread looks.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    supervised = threading.Event()

    def look() -> None:
        pipe = select.poll()
        pipe.register(lifeline, 0)  # Asked for nothing, it still tells that the other end is closed.
        while not supervised.is_set():
            hung_up = pipe.poll(LOOK_EVERY_MS)
            if (hung_up or os.getppid() != supervisor) and not supervised.is_set():
                os._exit(1)

    def over() -> None:
        supervised.set()
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) & ~os.O_ASYNC)

    threading.Thread(target=look, name="boot", daemon=True).start()
    return over


if __name__ == "__main__":
    over = watch(int(sys.argv[2]), int(sys.argv[3]))
    if sys.argv[4] not in sys.path:
        sys.path.append(sys.argv[4])
    sys.exit(importlib.import_module(sys.argv[1]).main(over, int(sys.argv[3])))

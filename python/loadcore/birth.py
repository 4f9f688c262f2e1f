"""The first lines of a worker's process, run as a script: `birth.py MODULE SUPERVISOR_PID`.

Imports take a moment, on a busy machine a long one, and a worker that is still at it hears nobody. So before anything
else it begins to watch for its supervisor, and leaves at once if that is gone. Nothing of loadcore may be imported here
at the top: that is what it must not wait for.
"""

import importlib
import os
import select
import sys
import threading

LOOK_EVERY_MS = 200


def watch(supervisor: int) -> threading.Event:
    """Leave the process as soon as the supervisor is gone, until the event is set.

    Its end shows in two ways: nobody holds the other end of standard input any more, or this process has got another
    parent.
    """
    born = threading.Event()

    def look() -> None:
        orders = select.poll()
        orders.register(0, 0)  # Asked for nothing, it still tells that the other end is closed.
        while not born.is_set():
            hung_up = orders.poll(LOOK_EVERY_MS)
            if (hung_up or os.getppid() != supervisor) and not born.is_set():
                os._exit(1)

    threading.Thread(target=look, name="birth", daemon=True).start()
    return born


if __name__ == "__main__":
    # pyarrow imports both wherever they are installed, pandas in the midst of the load: half a second of CPU for
    # nothing that a worker needs.
    sys.modules["numpy"] = sys.modules["pandas"] = None  # type: ignore[assignment]
    watching = watch(int(sys.argv[2]))
    sys.exit(importlib.import_module(sys.argv[1]).main(watching))

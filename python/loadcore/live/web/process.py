"""The process that serves the page of a run beside it: `python -m loadcore.live.web.process`.

What to show comes as JSON on its standard input: the run's folder, the number of a socket that listens, the token.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from pathlib import Path

from loadcore.live.web.follow import Follower
from loadcore.live.web.place import Place
from loadcore.live.web.server import serve

_LEAST_URGENT = 19
_SESSION = Path("/proc/self/autogroup")
_OF_SESSION = 10
"""Niceness of its session: a tenth of what the run gets where the cores are full. At 19 its page would not come up."""


def main() -> int:
    """Serve until the run has ended and no page is open."""
    give_way()
    told = json.load(sys.stdin)
    serve(Follower(Path(told["folder"])), Place(socket.socket(fileno=told["socket"]), told["token"]), leaves=True)
    return 0


def give_way() -> None:
    """Let the run have the cores first: also where Linux shares them out by session, and this is one of its own."""
    os.nice(_LEAST_URGENT)
    with contextlib.suppress(OSError):
        _SESSION.write_text(str(_OF_SESSION), encoding="ascii")


if __name__ == "__main__":
    sys.exit(main())

"""The process that serves the page of a run beside it: `python -m loadcore.live.web.process`.

What to show comes as JSON on its standard input: the run's folder, the number of a socket that listens, the token.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from loadcore.live.web.follow import Follower
from loadcore.live.web.place import Place
from loadcore.live.web.server import serve

_NICENESS = 10
"""A tenth of what the run gets where the cores are full. At 19 its page would not come up."""


def main() -> int:
    """Serve until the run has ended and no page is open."""
    os.nice(_NICENESS)
    told = json.load(sys.stdin)
    serve(Follower(Path(told["folder"])), Place(socket.socket(fileno=told["socket"]), told["token"]), leaves=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`loadcore` and `python -m loadcore`: the command line."""

import gc
import sys

from loadcore.cli import streams

OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""What is imported makes many objects that stay: looking for garbage among them after every 700 of them finds none."""


def main() -> int:
    """Run the command line. Ctrl-C while it is still being imported ends it as quietly as later on."""
    streams.ensure_open()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        from loadcore.cli.app import main as command_line  # noqa: PLC0415 - what takes a moment, and may be interrupted
    except KeyboardInterrupt:
        return 130
    return command_line()


if __name__ == "__main__":
    sys.exit(main())

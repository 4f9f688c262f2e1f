"""`loadcore` and `python -m loadcore`: the command line."""

import sys

from loadcore.cli import streams


def main() -> int:
    """Run the command line. Ctrl-C while it is still being imported ends it as quietly as later on."""
    streams.ensure_open()
    try:
        from loadcore.cli.app import main as command_line  # noqa: PLC0415 - what takes a moment, and may be interrupted
    except KeyboardInterrupt:
        return 130
    return command_line()


if __name__ == "__main__":
    sys.exit(main())

"""Entry point of `python -m loadcore_target`."""

import sys

from loadcore_target.cli import main

if __name__ == "__main__":
    sys.exit(main())

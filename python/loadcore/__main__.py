"""`python -m loadcore`: the command line."""

import sys

from loadcore.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""Entry point of `python -m target_api`."""

import sys

from target_api.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m loadcore_target.deploy`."""

import sys

from loadcore_target.deploy.cli import main

sys.exit(main())

"""`python -m target_api.deploy`."""

import sys

from target_api.deploy.cli import main

sys.exit(main())

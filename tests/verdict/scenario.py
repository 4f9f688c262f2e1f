"""The scenario of one situation, for `loadcore run`: which one, and where its target is, says the environment."""

import os
from dataclasses import replace

from tests.verdict.matrix import SITUATIONS

scenario = replace(SITUATIONS[os.environ["VERDICT_SITUATION"]].scenario, base_url=os.environ["VERDICT_URL"])

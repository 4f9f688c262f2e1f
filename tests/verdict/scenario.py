"""The scenario of one situation, for `loadcore run`: which one, and where its target is, says the environment."""

import os
from dataclasses import replace

from tests.verdict.matrix import situations

_situation = situations(int(os.environ["VERDICT_SEED"]))[os.environ["VERDICT_SITUATION"]]
scenario = replace(_situation.scenario, base_url=os.environ["VERDICT_URL"])

"""Every behaviour as a scenario of its own, side by side: `loadcore run tests/accuracy/scenario.py --base-url URL`."""

from loadcore import Scenario, iterations
from loadcore.scenario.http import Http, Timeouts, request
from tests.accuracy.behaviours import BEHAVIOURS

USERS = 4
EACH = 6

HTTP = Http(max_redirects=0)
# What the server sends it sends at once, so what takes this long never comes.
NEVER = Timeouts(total="3s")

for _behaviour in BEHAVIOURS:
    globals()[_behaviour.name] = Scenario(
        _behaviour.name,
        load=iterations(each=EACH, users=USERS),
        steps=[
            request(
                _behaviour.method, f"/{_behaviour.name}", timeout=NEVER if _behaviour.then == "hang" else Timeouts()
            )
        ],
        http=HTTP,
    )

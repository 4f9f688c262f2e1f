"""Every behaviour as a scenario of its own, side by side: `loadcore run tests/accuracy/scenario.py --base-url URL`."""

from loadcore import Scenario, iterations
from loadcore.scenario.http import Http, Timeouts, request
from tests.accuracy.behaviours import BEHAVIOURS

USERS = 4
EACH = 6

# The server's own answer to each behaviour comes at once, so what takes this long never comes.
HTTP = Http(timeouts=Timeouts(total="1s"), max_redirects=0)

for _behaviour in BEHAVIOURS:
    globals()[_behaviour.name] = Scenario(
        _behaviour.name,
        load=iterations(each=EACH, users=USERS),
        steps=[request(_behaviour.method, f"/{_behaviour.name}")],
        http=HTTP,
    )

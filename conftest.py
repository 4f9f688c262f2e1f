"""What all tests share."""

import signal
import socketserver

from hypothesis import HealthCheck, settings

# A runner under `nohup` hands down an ignored SIGHUP, a job in the background of a script an ignored SIGINT. Both are
# inherited by every process that a test starts, and tests of closed terminals and of Ctrl-C need the usual ones.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# Targets in threads of tests take as many connections at once as others do: of more than the library's own five a busy
# machine drops the SYNs, and they come again a second later.
socketserver.TCPServer.request_queue_size = 1024

# Property tests judge what comes out and not how long it takes: a machine may be busy. Each tries the same examples in
# every run, so that a change is judged by itself; `--hypothesis-profile=exploring` tries others.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("exploring", _UNHURRIED)
settings.register_profile("loadcore", _UNHURRIED, derandomize=True)
settings.load_profile("loadcore")

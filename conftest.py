"""What all tests share."""

import signal

from hypothesis import settings

# A runner under `nohup` hands down an ignored SIGHUP, a job in the background of a script an ignored SIGINT. Both are
# inherited by every process that a test starts, and tests of closed terminals and of Ctrl-C need the usual ones.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# Property tests judge what comes out and not how long it takes: a machine may be busy.
settings.register_profile("loadcore", deadline=None)
settings.load_profile("loadcore")

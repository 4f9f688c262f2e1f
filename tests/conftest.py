"""What all tests share."""

import signal

# A runner under `nohup` hands down an ignored SIGHUP, and tests of closed terminals need the usual one.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

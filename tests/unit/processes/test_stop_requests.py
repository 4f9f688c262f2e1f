"""Ctrl-C and SIGTERM during a run."""

from __future__ import annotations

import signal
import threading

from loadcore.processes.stop_requests import StopRequests


def test_signals_are_counted_and_the_first_is_named() -> None:
    """The first signal says why a run ended, all of them how urgent it is."""
    with StopRequests() as signals:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)

    assert (signals.count, signals.first) == (2, "SIGTERM")


def test_handlers_are_put_back() -> None:
    """After a run, Ctrl-C means what it meant before."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequests():
        assert signal.getsignal(signal.SIGINT) != before[0]

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_other_threads_leave_handlers_alone() -> None:
    """A run in a thread installs nothing, and is ended by a call."""
    seen = []

    def work() -> None:
        with StopRequests() as signals:
            seen.append(signal.getsignal(signal.SIGINT))
            signals.request()
            seen.append(signals.count)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [signal.getsignal(signal.SIGINT), 1]

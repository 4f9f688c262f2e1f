"""What workers report to Locust's master, when it is needed: as its statistics are read, and at the end."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event
from locust import runners
from locust.rpc import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.locustfiles.patches import Patches

_ASK, _TOLD = "loadcore_report", "loadcore_reported"
_FRESH_S = 0.01
_ANSWER_WITHIN_S = 1.0
_END_WITHIN_S = 10.0
_ABSENT = frozenset({runners.STATE_MISSING, runners.STATE_STOPPED})


class MasterReports:
    """The master's side.

    Args:
        patches: What puts it in place, before there is a runner.
    """

    def __init__(self, patches: Patches) -> None:
        self._runner: Any = None
        self._listener: Any = None
        self._numbers = itertools.count()
        self._awaited: dict[int, set[str]] = {}
        self._looking: Event | None = None
        self._heard = Event()
        self._looked_at = 0.0
        self._is_over = False
        self._last: set[str] = set()
        self._leaving: set[str] = set()
        patches.method(runners.MasterRunner, "client_listener", self._listen)
        patches.method(runners.MasterRunner, "quit", self._quit)

    def watch(self, runner: Any) -> None:
        """Ask the workers of a runner from now on, when its statistics are read."""
        self._runner = runner
        runner.register_message(_TOLD, self._told)
        runner.environment.events.worker_report.add_listener(self._reported)
        runner.stats.look = self.look

    def look(self) -> None:
        """Have all workers report what they have counted, unless they just did.

        Those that do not answer, because user code blocks them, are not waited for again until they have.
        """
        here = gevent.getcurrent()
        # The greenlet that hears the answers cannot wait for them, and the hub cannot wait at all.
        is_able = here is not self._listener and here is not gevent.get_hub()
        if self._is_over or not is_able or time.monotonic() - self._looked_at < _FRESH_S:
            return
        if self._looking is not None:
            # Another greenlet has asked already: its answers serve this one, too.
            self._looking.wait(_ANSWER_WITHIN_S)
            return
        silent = set().union(*self._awaited.values())
        asked = {client.id for client in self._runner.clients.all if client.state not in _ABSENT} - silent
        if not asked:
            return
        number = next(self._numbers)
        self._awaited[number] = asked
        self._looking = Event()
        try:
            for client in list(asked):
                self._runner.server.send_to_client(Message(_ASK, number, client))
            with gevent.Timeout(_ANSWER_WITHIN_S, exception=False):
                while number in self._awaited:
                    self._heard.wait()
                    self._heard.clear()
        finally:
            self._looked_at = time.monotonic()
            self._looking.set()
            self._looking = None

    def _present(self) -> set[str]:
        """Workers that may still report: neither lost nor, after their last report, gone."""
        return {client.id for client in self._runner.clients.all if client.state != runners.STATE_MISSING}

    def _told(self, msg: Any, **_: Any) -> None:
        """A worker has reported, as it was asked to."""
        awaited = self._awaited.get(msg.data)
        if awaited is not None:
            awaited.discard(msg.node_id)
            if not awaited:
                del self._awaited[msg.data]
        self._heard.set()

    def _reported(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """A worker has reported, perhaps for the last time."""
        if data.get("loadcore_last"):
            self._last.add(client_id)
            self._heard.set()

    def _listen(self, original: Callable[..., Any], runner: Any) -> Any:
        self._listener = gevent.getcurrent()
        return original(runner)

    def _quit(self, original: Callable[..., None], runner: Any) -> None:
        """As Locust ends, but for how long it waits: until all have reported what they did to their end."""
        if gevent.getcurrent() is self._listener:
            # It is the one that hears them.
            gevent.spawn(self._quit, original, runner)
            return
        runner.stop(send_stop_to_client=False)
        self.dismiss()
        runner.greenlet.kill(block=True)

    def dismiss(self) -> None:
        """Tell all workers that the run is over, and wait for their last reports, whoever else does so already."""
        runner = self._runner
        if not self._is_over:
            self._is_over = True
            self._last.clear()
            self._leaving = {client.id for client in runner.clients.all if client.state not in _ABSENT}
            for client in list(runner.clients.all):
                runner.server.send_to_client(Message("quit", None, client.id))
        with gevent.Timeout(runner.environment.stop_timeout + _END_WITHIN_S, exception=False):
            while (self._leaving & self._present()) - self._last:
                # No event comes when a worker goes missing, and another greenlet may hear what comes.
                self._heard.wait(_ANSWER_WITHIN_S)
                self._heard.clear()


class WorkerReports:
    """A worker's side.

    Args:
        patches: What puts it in place, before there is a runner.
    """

    def __init__(self, patches: Patches) -> None:
        self._has_stopped = False
        self._is_reporting = False
        patches.method(runners.WorkerRunner, "stop", self._stop)
        patches.method(runners.WorkerRunner, "_send_stats", self._report)
        patches.method(runners.WorkerRunner, "send_message", _send_message)

    def answer(self, runner: Any) -> None:
        """Report when the master asks."""

        def asked(msg: Any, **_: Any) -> None:
            runner._send_stats()
            runner.client.send(Message(_TOLD, msg.data, runner.client_id))

        runner.register_message(_ASK, asked)
        runner.environment.events.report_to_master.add_listener(self._mark)
        runner.environment.events.test_start.add_listener(self._begin)

    def _begin(self, **_: Any) -> None:
        self._has_stopped = False

    def _stop(self, original: Callable[..., Any], runner: Any) -> None:
        original(runner)
        self._has_stopped = True

    def _report(self, original: Callable[..., None], runner: Any) -> None:
        """Report, unless a listener of `report_to_master` says something: its report is under way."""
        if self._is_reporting:
            return
        self._is_reporting = True
        try:
            original(runner)
        finally:
            self._is_reporting = False

    def _mark(self, data: dict[str, Any], **_: Any) -> None:
        """Nothing is counted after the users and the listeners of `test_stop` have ended."""
        if self._has_stopped:
            data["loadcore_last"] = True


def _send_message(original: Callable[..., None], runner: Any, msg_type: str, *arguments: Any, **options: Any) -> None:
    """What a worker says comes after what it has counted: whoever hears it finds that in the statistics."""
    if msg_type != "logs":
        runner._send_stats()
    original(runner, msg_type, *arguments, **options)

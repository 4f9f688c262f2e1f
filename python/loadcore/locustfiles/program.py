"""The users of a Locust file in a worker."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

from loadcore.loader.user_code import NOT_THE_USERS
from loadcore.locustfiles.installation import Installation
from loadcore.locustfiles.patches import Patches
from loadcore.locustfiles.reports import WorkerReports
from loadcore.locustfiles.ring_crossing import RingCrossing
from loadcore.locustfiles.session import Session

if TYPE_CHECKING:
    from locust.env import Environment

    from loadcore.locustfiles.locustfile import Locustfile

_SCENARIO = 0


class Program:
    """The users of a file in one worker.

    Args:
        file: The file.
        master_port: Where Locust's master listens; None: this worker is alone.
        share: Which worker this is.
        shares: Of how many.
    """

    def __init__(self, file: Locustfile, master_port: int | None, share: int, shares: int) -> None:
        self._file = file
        self._master_port = master_port
        self._share = share
        self._shares = shares
        self._stopping = Event()
        self._is_winding_up = False
        self._reports: WorkerReports
        self.facts: dict[str, Any] = {}

    def run(self, crossing: Any, control: Any) -> dict[str, Any] | None:
        """Run users until Locust says that it is over, or the engine does."""
        ring = RingCrossing(crossing, self._notice, control.say, first_user=self._share, step=self._shares)
        installation = Installation(ring)
        patches = Patches()
        self._reports = WorkerReports(patches)
        session = Session(self._file, self._make_runner)
        events = session.environment.events
        events.user_error.add_listener(_Raised(control))
        events.spawning_complete.add_listener(lambda **_: crossing.steady(_SCENARIO))
        events.test_stopping.add_listener(lambda **_: self._wind_up(crossing))
        session.initialize()
        with session.ending_as_asked():
            if self._master_port is None:
                session.start()
            # Asked to stop, Locust ends as it does at Ctrl-C.
            gevent.wait([gevent.spawn(session.wait), self._stopping], count=1)
            session.end()
        document = session.document()
        crossing.finish(_SCENARIO)
        crossing.flush()
        patches.undo()
        installation.close()
        return document

    def _wind_up(self, crossing: Any) -> None:
        """Locust stops its users: what is still sent is ramp-down."""
        self._is_winding_up = True
        crossing.ramp_down(_SCENARIO)

    def _make_runner(self, environment: Environment) -> Any:
        if self._master_port is None:
            return environment.create_local_runner()
        runner = environment.create_worker_runner("127.0.0.1", self._master_port)
        self._reports.answer(runner)
        return runner

    def _notice(self, notice: tuple[Any, ...]) -> None:
        """What the engine says of the run as a whole. With a master, it is the master that says when it is over."""
        of_locust = self._is_winding_up or self._master_port is not None
        if notice[0] == "closed" or (notice[0] == "stopping" and not of_locust):
            self._stopping.set()


class _Raised:
    """Reports what tasks raise."""

    def __init__(self, control: Any) -> None:
        self._control = control

    def __call__(self, user_instance: Any, exception: BaseException, tb: Any, **_: Any) -> None:
        """As a listener of `user_error`."""
        frames = traceback.extract_tb(tb)
        own = [frame for frame in frames if not frame.filename.startswith(NOT_THE_USERS)] or frames
        place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else type(user_instance).__name__
        text = "".join(traceback.format_exception(type(exception), exception, tb))
        self._control.raised(type(exception).__name__, place, text)

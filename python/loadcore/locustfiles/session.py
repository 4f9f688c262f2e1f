"""One run of Locust in this process: its environment, its runner, its events, in the order in which Locust has them."""

from __future__ import annotations

import contextlib
import itertools
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import locust
from locust import log as locust_log
from locust import stats as locust_stats
from locust.env import Environment
from locust.html import get_html_report, process_html_filename
from locust.runners import WorkerRunner

from loadcore.errors import Problem, ScenarioError, ScenarioRaised
from loadcore.loader.user_code import user_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loadcore.locustfiles.locustfile import Locustfile

_MOST_FAILURES = 100
_LONGEST_FAILURE = 500
_OF_CTRL_C = 130


class Session:
    """A run of the users of a file.

    Args:
        file: The file, imported and with its options.
        make_runner: Gives the environment its runner.
    """

    def __init__(self, file: Locustfile, make_runner: Callable[[Environment], Any]) -> None:
        self._file = file
        self._options = file.options
        self._is_ended = False
        self._exited: int | None = None
        if not self._options.skip_log_setup:
            locust_log.setup_logging(self._options.loglevel, self._options.logfile)
        self.environment = self._environment()
        self.runner = make_runner(self.environment)
        self._csv = self._csv_writer()
        self.exit_code = 0
        """What Locust would have ended with."""
        self._has_listener_failed = False

    def _environment(self) -> Any:
        file, options = self._file, self._options
        # Locust refuses some classes here.
        with user_code():
            environment = Environment(
                locustfile=Path(file.path).name,
                parsed_locustfiles=[str(Path(file.path).resolve())],
                user_classes=list(file.user_classes.values()),
                shape_class=file.shape,
                events=locust.events,
                host=options.host,
                reset_stats=options.reset_stats,
                parsed_options=options,
                available_user_classes=dict(file.available),
                available_shape_classes=dict(file.shapes),
                available_user_tasks=dict(file.tasks),
                profile=getattr(options, "profile", None),
            )
        for settings in itertools.chain(*(options.config_users or ())):
            try:
                environment.update_user_class(settings)
            except (KeyError, TypeError, AttributeError) as error:
                message = f"--config-users {settings!r} cannot be applied: {error!r}"
                raise ScenarioError([Problem(message, at=Path(file.path).name)]) from error
        return environment

    def _csv_writer(self) -> Any:
        prefix = self._options.csv_prefix
        if not prefix:
            return None
        Path(prefix).parent.mkdir(parents=True, exist_ok=True)
        return locust_stats.StatsCSVFileWriter(
            self.environment, locust_stats.PERCENTILES_TO_REPORT, prefix, self._options.stats_history_enabled
        )

    def initialize(self) -> None:
        """Fire `init`, as Locust does before a run.

        Raises:
            ScenarioRaised: A listener raised an exception.
        """
        environment = self.environment
        if self._options.equal_weights:
            environment.events.init.add_listener(lambda environment, **_: environment.assign_equal_weights())
        logged = _LoggedException()
        logging.getLogger().addHandler(logged)
        with user_code():
            environment.events.init.fire(environment=environment, runner=self.runner, web_ui=None)
            if logged.exception is not None:
                raise logged.exception
        logging.getLogger().removeHandler(logged)
        if locust_log.unhandled_greenlet_exception:
            raise ScenarioRaised("a listener of the event init raised an exception")

    def start(self) -> None:
        """Start users, as `--headless` does. Does not wait."""
        options = self._options
        # Listeners of init see what was not given, as with Locust, and may give it.
        options.num_users = 1 if options.num_users is None else options.num_users
        options.spawn_rate = 1 if options.spawn_rate is None else options.spawn_rate
        # Timers count from when the loop last looked at the clock, and imports took a while.
        gevent.get_hub().loop.update_now()
        gevent.spawn(locust_stats.stats_history, self.runner)
        gevent.spawn(_keep_counting, self.environment)
        if self._csv is not None:
            gevent.spawn(self._csv.stats_writer)
        if self.environment.shape_class:
            # It alone decides when the run is over, as with Locust, whatever -t says.
            self.runner.start_shape()
            gevent.spawn(self._quit_after_shape)
            return
        gevent.spawn(self.runner.start, options.num_users, options.spawn_rate)
        if options.run_time:
            gevent.spawn_later(options.run_time, self.runner.quit)

    def _quit_after_shape(self) -> None:
        self.runner.shape_greenlet.join()
        self.runner.quit()

    def wait(self) -> None:
        """Until the runner has quit."""
        self.runner.greenlet.join()

    def end(self) -> None:
        """End as Locust does: `quitting`, then stop what still runs, then `quit`."""
        if self._is_ended:
            return
        self._is_ended = True
        environment = self.environment
        environment.events.quitting.fire(environment=environment, reverse=True)
        self.exit_code = self._exit_code()
        self._has_listener_failed = locust_log.unhandled_greenlet_exception
        self.runner.quit()
        self._write_reports()
        environment.events.quit.fire(exit_code=self.exit_code)
        if self._csv is not None:
            self._csv.close_files()

    @contextlib.contextmanager
    def ending_as_asked(self, before: Callable[[], None] | None = None) -> Iterator[None]:
        """A run in which user code may end the process: with `sys.exit()`, wherever it stands.

        Locust ends there and then, without any further event.

        Args:
            before: What is still to be done then.
        """
        try:
            yield
        except (SystemExit, KeyboardInterrupt) as request:
            self._is_ended = True
            self._exited = _exit_code(request.code if isinstance(request, SystemExit) else _OF_CTRL_C)
            if before is not None:
                before()

    def _exit_code(self) -> int:
        if self.environment.process_exit_code is not None:
            return _exit_code(self.environment.process_exit_code)
        if len(self.runner.errors) or len(self.runner.exceptions):
            return int(self._options.exit_code_on_error)
        return 2 if locust_log.unhandled_greenlet_exception else 0

    def _code_asked_for(self) -> int | None:
        """What the file wants the run to end with."""
        if isinstance(self.runner, WorkerRunner):
            # The master is asked how the run has ended. A worker only says that its code has ended it, as failed.
            return self._exited or None
        if self._exited is not None:
            return self._exited
        asked = self.environment.process_exit_code
        return None if asked is None else _exit_code(asked)

    def _write_reports(self) -> None:
        """Locust's own reports, if they were asked for."""
        options = self._options
        if options.html_file:
            process_html_filename(options)
            report = get_html_report(self.environment, show_download_link=False)
            _write(options.html_file, lambda path: path.write_text(report, encoding="utf-8"))
        if options.json_file:
            _write(options.json_file, lambda path: locust_stats.save_stats_json(self.runner.stats, str(path)))

    def document(self) -> dict[str, Any]:
        """How it ended, as JSON types: for the verdict and the report."""
        failures = sorted(self.runner.errors.values(), key=lambda each: -each.occurrences)[:_MOST_FAILURES]
        return {
            "process_exit_code": self._code_asked_for(),
            "judged": self._options.exit_code_on_error != 0,
            "listener_failed": self._has_listener_failed,
            "failures": [
                {
                    "method": each.method,
                    "name": each.name,
                    "error": each.parse_error(each.error)[:_LONGEST_FAILURE],
                    "count": each.occurrences,
                }
                for each in failures
            ],
        }


def _write(name: str, write: Callable[[Path], object]) -> None:
    """Write a file of results, in a folder that is made for it. If that fails, a message says so."""
    try:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        write(Path(name))
    except OSError as problem:
        sys.stderr.write(f"{name} cannot be written: {problem.strerror}\n")


class _LoggedException(logging.Handler):
    """Keeps the first exception that is logged where it was caught, as Locust does with those of listeners."""

    exception: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take what is being handled."""
        if self.exception is None and record.levelno >= logging.ERROR:
            self.exception = sys.exception()


def _exit_code(asked: Any) -> int:
    """What a process ends with that is asked to exit with this, as `sys.exit` has it."""
    if asked is None:
        return 0
    if isinstance(asked, int):
        return int(asked)
    sys.stderr.write(f"{asked}\n")
    return 1


def _keep_counting(environment: Any) -> None:
    """Count requests at least once a second, for those who hold an entry of the statistics."""
    while True:
        count = getattr(environment.stats, "count", None)
        if count is not None:
            with contextlib.suppress(Exception):
                count()
        gevent.sleep(1)

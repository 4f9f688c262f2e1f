"""The reference gateway as a child process: started, asked and stopped by `target` and `demo`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.errors import ConfigError, ExitCode, RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MODULE = "loadcore_target"
STACK_MODULE = "loadcore_target.deploy"
"""The same with a balancer in front of several, a database, a cache, a Prometheus."""

_START_S = 60.0
_STOP_S = 60.0
_KILL_S = 5.0
_ANSWER_S = 10.0
_POLL_S = 0.02
_LOG_TAIL = 12
_MISSING = 69
_READY = "ready.json"
_STACK = "stack.json"
_LOG = "gateway.log"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that runs, or once ran.

    Attributes:
        pid: Of its main process; its workers are in the process group of that number.
        created_at: When that process was made, as the system counts it. With the PID it names one process for ever.
        url: Where it listens; empty until it does.
        admin_token: Opens its counters. A secret of this machine.
        folder: Where it keeps its data and its log.
        arguments: The options that it was started with.
    """

    pid: int
    created_at: float
    url: str
    admin_token: str
    folder: str
    arguments: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Gateway:
        """Reads what `to_json` wrote.

        Raises:
            TypeError: It is something else.
        """
        found = cls(**{**document, "arguments": tuple(document.get("arguments", ()))})
        if not isinstance(found.pid, int) or not all(isinstance(each, str) for each in (found.url, found.folder)):
            raise TypeError("this does not describe a gateway")
        return found

    def to_json(self) -> str:
        """As text, for the state file."""
        return json.dumps(asdict(self), indent=2)

    @property
    def running(self) -> bool:
        """Whether that very process is still there: another one with its number does not count."""
        return process_created_at(self.pid) == self.created_at


def truth(gateway: Gateway) -> int:
    """How many requests the gateway has received, by its own count; probes and this question are not in it.

    Raises:
        RunError: It does not answer.
    """
    import urllib.request

    request = urllib.request.Request(f"{gateway.url}/_admin/truth")  # noqa: S310 - our own gateway
    request.add_header("Authorization", f"Bearer {gateway.admin_token}")
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as response:  # noqa: S310 - our own gateway
            return int(json.load(response)["total"])
    except OSError as problem:
        raise RunError(f"could not read the gateway's counters: {problem}") from problem


def cpu_s(gateway: Gateway) -> float:
    """CPU time that the gateway and its workers have used; 0 where it cannot be read."""
    import psutil

    try:
        main = psutil.Process(gateway.pid)
        times = [process.cpu_times() for process in (main, *main.children(recursive=True))]
    except psutil.Error:
        return 0.0
    return sum(float(each.user + each.system) for each in times)


def last_words(gateway: Gateway) -> str:
    """The end of what a gateway wrote to its log."""
    return _tail(Path(gateway.folder) / _LOG)


def process_created_at(pid: int) -> float | None:
    """When the gateway process of this number was made; None if there is none."""
    import psutil

    try:
        process = psutil.Process(pid)
        command = process.cmdline()
        zombie = process.status() == psutil.STATUS_ZOMBIE
        return None if zombie or not {MODULE, STACK_MODULE} & set(command) else process.create_time()
    except psutil.Error:
        return None


def require_installed() -> None:
    """Checks that the gateway and the packages it needs are there, before anything is started.

    Raises:
        ConfigError: Something is missing; the hint has the command that installs it.
    """
    from importlib.util import find_spec

    from loadcore.wording import extras

    if missing := extras.missing("target"):
        problem = f"the reference gateway needs packages that are not installed: {', '.join(missing)}"
    elif find_spec(MODULE) is None:
        problem = "this installation of loadcore does not include the reference gateway"
    else:
        return
    raise ConfigError(problem, hint=f"install them: {extras.install_command('target')}")


@contextmanager
def running(arguments: Sequence[str], folder: Path) -> Iterator[Gateway]:
    """A gateway for as long as the block runs. It stops by itself if this process dies, however it dies.

    Args:
        arguments: As of `start`.
        folder: As of `start`.

    Raises:
        ConfigError: Packages that it needs are not installed.
        RunError: It did not start.
    """
    require_installed()
    reading, writing = os.pipe()
    try:
        try:
            child = _spawn([*arguments, "--exit-with-parent"], folder, reading)
        finally:
            os.close(reading)
        gateway = _when_ready(child, folder)
        try:
            yield gateway
        finally:
            stop(gateway)
            child.wait()
    finally:
        os.close(writing)


def _unnoted(_gateway: Gateway) -> None:
    """For whoever stops it himself."""


def start(arguments: Sequence[str], folder: Path, note: Callable[[Gateway], None] = _unnoted) -> Gateway:
    """Starts a gateway on 127.0.0.1 that stays when this process ends, and waits until it is ready.

    Args:
        arguments: Options of `python -m loadcore_target`; address and data folder are added here.
        folder: Where it may keep its data and its log; must exist.
        note: Writes it down: as soon as there is a process, and once more when it is ready.

    Raises:
        ConfigError: Packages that it needs are not installed.
        RunError: It did not start; the hint has the end of its log.
    """
    require_installed()
    return _noted(_spawn(arguments, folder, subprocess.DEVNULL), folder, arguments, note)


def start_stack(arguments: Sequence[str], folder: Path, note: Callable[[Gateway], None] = _unnoted) -> Gateway:
    """Starts several gateways behind a balancer with what they need, and waits until all of it is ready.

    Args:
        arguments: Options of `python -m loadcore_target.deploy`; its folder is added here.
        folder: As of `start`.
        note: As of `start`.

    Raises:
        ConfigError: Packages that it needs are not installed.
        RunError: It did not start; the hint has the end of its log.
        UsageError: Programs are not installed; the hint has a line for each, with the command that installs it.
    """
    require_installed()
    command = [sys.executable, "-m", STACK_MODULE, "--folder", str(folder), *arguments]
    return _noted(_execute(command, folder, subprocess.DEVNULL), folder, arguments, note)


def services(gateway: Gateway) -> list[dict[str, object]]:
    """What a stack consists of now: `name`, `pid`, `created_at`, `url`, `folder` of each; nothing for one gateway."""
    try:
        text = (Path(gateway.folder) / _STACK).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return list(json.loads(text)["services"])


def stop(gateway: Gateway) -> bool:
    """Stops a gateway with its workers, or a stack with its services; waits until they are gone.

    Returns:
        Whether it was still running.
    """
    if not gateway.running:
        return _end_orphans(gateway)
    os.kill(gateway.pid, signal.SIGTERM)
    if not _wait_until_gone(gateway, _STOP_S):
        _end_group(gateway.pid)
        _wait_until_gone(gateway, _KILL_S)
    return True


def _spawn(arguments: Sequence[str], folder: Path, stdin: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", MODULE, "--host", "127.0.0.1", "--data-dir", str(folder / "data"), *arguments]
    return _execute(command, folder, stdin)


def _execute(command: Sequence[str], folder: Path, stdin: int) -> subprocess.Popen[bytes]:
    with (folder / _READY).open("wb") as out, (folder / _LOG).open("wb") as err:
        # A session of its own: Ctrl-C is for the run, and the gateway must outlive the requests in flight.
        return subprocess.Popen(command, stdin=stdin, stdout=out, stderr=err, start_new_session=True)


def _noted(
    child: subprocess.Popen[bytes], folder: Path, arguments: Sequence[str], note: Callable[[Gateway], None]
) -> Gateway:
    """The gateway once it takes requests. From its first moment on there is a note of it, or there is no gateway."""
    try:
        note(Gateway(child.pid, process_created_at(child.pid) or 0.0, "", "", str(folder), tuple(arguments)))
        ready = replace(_when_ready(child, folder), arguments=tuple(arguments))
        note(ready)
    except BaseException:
        _end_group(child.pid)
        child.wait()
        raise
    return ready


def _when_ready(child: subprocess.Popen[bytes], folder: Path) -> Gateway:
    """The gateway once it takes requests. One that does not come up is ended."""
    try:
        first = _first_line(child, folder)
        created_at = process_created_at(child.pid) or 0.0  # gone again already: no process has that time
    except BaseException:
        _end_group(child.pid)
        child.wait()
        raise
    return Gateway(child.pid, created_at, str(first["url"]), str(first["admin_token"]), str(folder))


def _first_line(child: subprocess.Popen[bytes], folder: Path) -> dict[str, object]:
    """The one line of JSON that a gateway prints when it is ready."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        text = (folder / _READY).read_text(encoding="utf-8")
        if text.endswith("\n"):
            return dict(json.loads(text.splitlines()[0]))
        if child.poll() == _MISSING:
            lines = (folder / _LOG).read_text(encoding="utf-8").strip().splitlines()
            raise UsageError("some programs this target needs are not installed", hint="\n  ".join(lines))
        if child.returncode == ExitCode.USAGE:
            raise UsageError(_complaint(folder / _LOG))
        if child.returncode == ExitCode.CONFIG:
            raise ConfigError(_complaint(folder / _LOG))
        if child.returncode is not None:
            message = f"the gateway ended with code {child.returncode} instead of starting"
            raise RunError(message, hint=_tail(folder / _LOG))
        time.sleep(_POLL_S)
    raise RunError(f"the gateway was not ready within {_START_S:.0f} s", hint=_tail(folder / _LOG))


def _complaint(log: Path) -> str:
    """What a gateway says about its arguments or settings."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    told = [line.removeprefix("gateway: ") for line in lines if line.startswith("gateway: ")]
    # An argument is refused by `PROGRAM: error: MESSAGE` after the usage.
    return "; ".join(told) or lines[-1].rpartition("error: ")[2] if lines else "the gateway refused its settings"


def _tail(log: Path) -> str:
    """Why a gateway did not start: the end of what it wrote."""
    text = log.read_text(encoding="utf-8", errors="replace").strip()
    return "\n  ".join(["its last output:", *text.splitlines()[-_LOG_TAIL:]]) if text else "it wrote nothing"


def _wait_until_gone(gateway: Gateway, seconds: float) -> bool:
    """Waits for the end of a process that need not be a child of this one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not gateway.running:
            return True
        time.sleep(_POLL_S)
    return False


def _end_orphans(gateway: Gateway) -> bool:
    """Ends the services of a stack that was itself killed. They end by themselves; this waits for none of them."""
    import shutil

    import psutil

    ended = False
    for service in services(gateway):
        with suppress(psutil.Error):
            process = psutil.Process(int(str(service["pid"])))
            if process.create_time() == service["created_at"]:
                process.kill()
                ended = True
        if service["folder"]:
            shutil.rmtree(str(service["folder"]), ignore_errors=True)
    return ended


def _end_group(pid: int) -> None:
    """Kills the gateway's process group, which holds nothing but what it started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return

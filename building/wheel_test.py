"""Installs a wheel as its users do: `python -m building.wheel_test dist/loadcore-….whl`.

What is in it is compared with what a release promises. Then each Python from 3.11 on that this machine has, or that
uv can fetch, gets it twice, with pip and with uv, into an empty environment. There the help is printed, and a small
server on 127.0.0.1 is requested. In the end it runs without an environment, as `uvx` does.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from building.wheel_content import problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
LARGEST_BYTES = 15_000_000
REQUESTS = 200
UVX_CPU_S = 3.0
HIDDEN = {
    *("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_CONSTRAINT", "UV_CONSTRAINT"),
    # uv compiles nothing when it installs: the first command does, and keeps what it compiled.
    "PYTHONDONTWRITEBYTECODE",
}
"""Variables of this machine that its users' machines do not have."""
_FETCH_S = 120.0
_INSTALL_S = 600.0
_RUN_S = 120.0


@dataclass(frozen=True)
class Tried:
    """What one installation showed."""

    python: str
    installer: str
    install_s: float
    help_s: float
    bench_s: float

    def row(self) -> str:
        """As a line of the table."""
        times = (self.install_s, self.help_s, self.bench_s)
        return f"{self.python:<8} {self.installer:<5} " + " ".join(f"{seconds:7.2f} s" for seconds in times)


class FailedError(Exception):
    """The wheel, or what was installed from it, is not as it must be."""


def main() -> int:
    """Tries a wheel out; 0 if it works wherever it was tried."""
    parser = argparse.ArgumentParser(prog="python -m building.wheel_test", description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--python", action="append", help=f"only this version; {', '.join(PYTHONS)} by default")
    arguments = parser.parse_args()
    wheel = arguments.wheel.resolve()
    try:
        size = check_size(wheel)
        print(f"{wheel.name}: {size / 1e6:.1f} MB", flush=True)
        check_content(wheel)
        pythons: dict[str, Path | None] = {version: find(version) for version in arguments.python or PYTHONS}
        print("python   with    install      --help      bench", flush=True)
        tried = [_print(each) for each in try_all(wheel, {v: path for v, path in pythons.items() if path})]
        missing = [version for version, path in pythons.items() if path is None]
        print(*(f"{version:<8} left out: not on this machine, and uv cannot fetch it" for version in missing), sep="\n")
        seconds, cpu_s = without_environment(wheel)
        print(f"without an environment, uv's cache warm: {seconds:.2f} s, {cpu_s:.2f} s of CPU", flush=True)
    except (FailedError, subprocess.TimeoutExpired) as error:
        print(f"FAIL {error}", file=sys.stderr)
        return 1
    return 0 if tried else 1


def check_size(wheel: Path) -> int:
    """The size of a wheel in bytes.

    Raises:
        FailedError: It is too large.
    """
    size = wheel.stat().st_size
    if size > LARGEST_BYTES:
        raise FailedError(f"{wheel.name} has {size / 1e6:.1f} MB, and at most {LARGEST_BYTES / 1e6:.0f} MB are allowed")
    return size


def check_content(wheel: Path) -> None:
    """Compares what is in a wheel with what a release promises.

    Raises:
        FailedError: It lacks something, or has too much.
    """
    if found := problems(wheel):
        raise FailedError("\n     ".join(found))


def find(version: str) -> Path | None:
    """An interpreter of a version: on the path, of pyenv, or one that uv knows or fetches."""
    on_path = shutil.which(f"python{version}")
    of_pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in [*([Path(on_path)] if on_path else []), *of_pyenv]:
        if _ask(candidate) == version:
            return candidate
    for words in (["find", "--no-project"], ["install"], ["find", "--no-project"]):
        found = _quiet([uv(), "python", *words, version], _FETCH_S)
        if words[0] == "find" and found and _ask(Path(found)) == version:
            return Path(found)
    return None


def try_all(wheel: Path, pythons: dict[str, Path]) -> Iterator[Tried]:
    """Installs and runs the wheel with each Python, by pip and by uv."""
    with server() as url:
        for version, python in pythons.items():
            for installer in ("pip", "uv"):
                with tempfile.TemporaryDirectory(prefix="loadcore-wheel-") as folder:
                    yield _try(wheel, (version, python), installer, url, Path(folder))


def without_environment(wheel: Path) -> tuple[float, float]:
    """Seconds and CPU seconds that `uvx` takes to request a URL with its cache warm: the best of three.

    Raises:
        FailedError: It fails, or takes too much CPU. Time alone would depend on what else the machine does.
    """
    with server() as url, tempfile.TemporaryDirectory(prefix="loadcore-wheel-") as folder:
        bench = ["loadcore", "bench", url, "-n", str(REQUESTS), "-c", "4", "--no-strict-client"]
        words = [uv(), "tool", "run", "--constraints", str(CONSTRAINTS), "--from", str(wheel), *bench]
        _timed(words, Path(folder), _INSTALL_S)
        costs = [_cost(words, Path(folder)) for _ in range(3)]
    seconds, cpu_s = (min(each) for each in zip(*costs, strict=True))
    if cpu_s > UVX_CPU_S:
        raise FailedError(f"uvx with a warm cache takes {cpu_s:.1f} s of CPU, and {UVX_CPU_S:.0f} s are allowed")
    return seconds, cpu_s


@contextmanager
def server() -> Iterator[str]:
    """A server on 127.0.0.1 that answers every request with a few bytes."""
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}/"
    finally:
        listening.shutdown()
        listening.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def uv() -> str:
    """Where uv is: beside this Python, or on the path.

    Raises:
        FailedError: It is not installed.
    """
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise FailedError("uv is not installed: pip install uv")
    return found


def _try(wheel: Path, python: tuple[str, Path], installer: str, url: str, folder: Path) -> Tried:
    """Installs the wheel and runs what it brings."""
    version, interpreter = python
    venv = folder / "venv"
    constraints = ["--constraint", str(CONSTRAINTS)]
    own = str(venv / "bin" / "python")
    if installer == "pip":
        _timed([str(interpreter), "-m", "venv", str(venv)], folder, _INSTALL_S)
        words = [own, "-m", "pip", "install", "--quiet", *constraints, str(wheel)]
    else:
        _timed([uv(), "venv", "--quiet", "--python", str(interpreter), str(venv)], folder, _INSTALL_S)
        words = [uv(), "pip", "install", "--quiet", "--python", own, *constraints, str(wheel)]
    install_s = _timed(words, folder, _INSTALL_S)
    loadcore = str(venv / "bin" / "loadcore")
    help_s = _timed([loadcore, "--help"], folder, _RUN_S)
    report = folder / "report.json"
    bench = [loadcore, "bench", url, "-n", str(REQUESTS), "-c", "4", "--no-strict-client", "--json"]
    bench_s = _timed(bench, folder, _RUN_S, stdout=report)
    counted = json.loads(report.read_text("utf-8"))["all"]["requests"]
    if counted != REQUESTS:
        raise FailedError(f"Python {version}, {installer}: {counted} requests were counted, not {REQUESTS}")
    return Tried(version, installer, install_s, help_s, bench_s)


def _timed(words: Sequence[str], folder: Path, limit_s: float, stdout: Path | None = None) -> float:
    """Runs a command and returns how long that took."""
    environment = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    started = time.monotonic()
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=limit_s, check=False
    )
    seconds = time.monotonic() - started
    if done.returncode:
        raise FailedError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    if stdout is not None:
        stdout.write_text(done.stdout, "utf-8")
    return seconds


def _cost(words: Sequence[str], folder: Path) -> tuple[float, float]:
    """Seconds and CPU seconds of a command and of all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = _timed(words, folder, _RUN_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _ask(python: Path) -> str | None:
    """The version of an interpreter; None if it does not run."""
    return _quiet([str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], _RUN_S)


def _quiet(words: Sequence[str], limit_s: float) -> str | None:
    """What a command prints; None if it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _print(tried: Tried) -> Tried:
    print(tried.row(), flush=True)
    return tried


if __name__ == "__main__":
    sys.exit(main())

"""Runs one stranger's Locust file with Locust and with loadcore, where it cannot reach anything.

    unshare --net --mount --pid --fork --kill-child python -m benches.locustfiles.sandbox FOLDER

The process has namespaces of its own: every address is this machine's, every name is the scripted server's, `/tmp` and
the home of the interpreter have nothing but what the case needs. The file's code runs as a user without rights. FOLDER
has `case.json` and the file's repository in `tree`, and gets `result.json`.

Locust runs where someone who has the repository would run it: the first folder from the file's own up to the root in
which the file can be imported and makes a call; then with the repository's packages installed, and at last with a slash
after the host and the variables set that the file names.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.locustfiles import scripted_server
from benches.locustfiles.authority import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "http://shop.test:8000"
NO_ONE = 65534
_PORTS = {80, 443, 3000, 5000, 8000, 8080, 8081, 8088, 8089, 8888, 9000}
_PORT = re.compile(rb":(\d{2,5})\b")
_LAST_PORT = 65535
_TO_START_AND_END_S = 40
_NEIGHBOURS = 100
_VARIABLE = re.compile(rb"""(?:environ(?:\.get)?|getenv)\s*[\[(]\s*["'](\w+)["']""")
_NAMES_A_HOST = re.compile("HOST|URL|URI|ENDPOINT|SERVER")
_NOT_THE_FILES = re.compile("LOCUST_(?!USER)|PATH$|HOME$|BENCH_")
_PROBE = """
import json, sys
from locust.main import merge_locustfiles_content
classes, shapes, *_ = merge_locustfiles_content([sys.argv[1]])
print("FOUND " + json.dumps([sorted(classes), bool(shapes)]))
"""


@dataclass(frozen=True)
class Place:
    """Where a file is run.

    Attributes:
        file: The file.
        seconds: How long users run at most.
        working: The working folder.
        packages: Folders whose packages are installed.
        host: What is given as the host.
        variables: Of the environment.
    """

    file: Path
    seconds: int
    working: Path
    packages: tuple[Path, ...] = ()
    host: str = HOST
    variables: dict[str, str] = field(default_factory=dict)


class Case:
    """One file, and what it does with both programs.

    Args:
        folder: As above.
    """

    def __init__(self, folder: Path) -> None:
        case = json.loads((folder / "case.json").read_text("utf-8"))
        self._folder = folder
        self._seconds: int = case["seconds"]
        self._tree = folder / "tree"
        self._file = self._tree / case["path"]
        authority = Authority(folder)
        _close(authority, folder)
        for each in (self._tree, *self._tree.rglob("*")):
            os.chown(each, NO_ONE, NO_ONE, follow_symlinks=False)
        self._log: list[dict[str, Any]] = []
        scripted_server.start(_ports(self._file), authority.context(), self._log)

    def result(self) -> dict[str, Any]:
        """What both programs did, or why Locust does nothing with it."""
        reasons = []
        for place in self._places():
            code, output = _run([sys.executable, "-c", _PROBE, str(place.file)], place, self._folder)
            said = re.findall(r"^FOUND (.*)$", output, re.MULTILINE)
            names, follows_a_shape = json.loads(said[-1]) if said else ([], False)
            if not names:
                reasons.append(output.strip().rpartition("\n")[2][:200] or f"ends with {code}")
                continue
            alone = [self._one(name, "locust", place) for name in names]
            if not any(run["log"] or run["statistics"] for run in alone):
                reasons.append(f"makes no call: {alone[0]['output'].strip()[-600:]}")
                continue
            ours = [self._one(name, "loadcore", place) for name in names]
            return {"runs": alone + ours, "follows_a_shape": follows_a_shape}
        return {"runs": [], "unfit": reasons[0], "reasons": reasons}

    def _places(self) -> Iterator[Place]:
        folders = [each for each in self._file.parents if each.is_relative_to(self._tree)]
        installed = tuple(each for each in (self._tree / "src", self._tree) if each.is_dir())
        for packages in ((), installed):
            for working in folders:
                yield Place(self._file, self._seconds, working, packages)
        named = variables(self._file)
        for working in folders:
            yield Place(self._file, self._seconds, working, installed, f"{HOST}/", named)

    def _one(self, name: str, program: str, place: Place) -> dict[str, Any]:
        """One user of a class, with one of the programs."""
        self._log.clear()
        command = _command(program, place, name, self._folder)
        code, output = _run(command, place, self._folder)
        statistics = self._folder / "home" / f"{program}.json"
        run = {
            "class": name,
            "program": program,
            "code": code,
            "output": output[-6000:],
            "log": list(self._log),
            "statistics": json.loads(statistics.read_text("utf-8")) if statistics.exists() else None,
        }
        statistics.unlink(missing_ok=True)
        return run


def main(folder: Path) -> None:
    """Run what the case says."""
    (folder / "result.json").write_text(json.dumps(Case(folder).result()), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)


def _command(program: str, place: Place, name: str, folder: Path) -> list[str]:
    path = str(place.file)
    common = ["-u", "1", "-r", "1", "-t", "60s", "-H", place.host, name]
    statistics = ["--json-file", str(folder / "home" / program)]
    if program == "locust":
        return [sys.executable, "-m", "locust", "-f", path, "--headless", *statistics, *common]
    return [
        *(sys.executable, "-m", "loadcore", "run", path, "--no-strict-client", "--progress", "lines"),
        *("--workers", "1", "--include-ramp", "--out", str(folder / "home" / "runs" / name), *statistics, *common),
    ]


def _close(authority: Authority, folder: Path) -> None:
    """Close the namespace, and have its programs trust the scripted server."""
    from requests import certs  # noqa: PLC0415 - of the environment that runs the file

    _do("ip", "link", "set", "lo", "up")
    _do("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo")
    _do("mount", "--make-rprivate", "/")
    interpreter = Path(sys.base_prefix)
    if home := next((each for each in reversed(interpreter.parents) if not each.stat().st_mode & 1), None):
        # Others may not enter it.
        _hide_all_but(home, interpreter)
    _hide_all_but(folder.parent, folder, Path(sys.prefix))
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="utf-8")
    _do("mount", "--bind", str(folder / "resolv.conf"), "/etc/resolv.conf")
    for bundle in (certs.where(), "/etc/ssl/certs/ca-certificates.crt"):
        if Path(bundle).exists():
            _do("mount", "--bind", str(authority.certificate), bundle)


def _hide_all_but(hidden: Path, *kept: Path) -> None:
    """Leave only these folders of a folder."""
    kept = tuple(each for each in kept if each.is_relative_to(hidden))
    _do("mount", "-t", "tmpfs", "none", "/mnt")
    asides = {each: Path("/mnt") / str(number) for number, each in enumerate(kept)}
    for each, aside in asides.items():
        aside.mkdir()
        _do("mount", "--bind", str(each), str(aside))
    _do("mount", "-t", "tmpfs", "-o", "mode=1777", "none", str(hidden))
    for each, aside in asides.items():
        each.mkdir(parents=True)
        _do("mount", "--move", str(aside), str(each))


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _ports(path: Path) -> set[int]:
    """Those that the file and its neighbours name, beside the usual ones."""
    files = [path, *sorted(path.parent.rglob("*.py"))[:_NEIGHBOURS]]
    named = {int(number) for file in files for number in _PORT.findall(file.read_bytes())}
    return _PORTS | {each for each in named if each <= _LAST_PORT}


def variables(path: Path) -> dict[str, str]:
    """Those that the file and its neighbours read, with values that may do."""
    files = [path, *sorted(path.parent.rglob("*.py"))[:_NEIGHBOURS]]
    names = {name.decode() for file in files for name in _VARIABLE.findall(file.read_bytes())}
    return {
        name: HOST if _NAMES_A_HOST.search(name) else "7" for name in sorted(names) if not _NOT_THE_FILES.search(name)
    }


def _run(command: list[str], place: Place, folder: Path) -> tuple[int | None, str]:
    """A command as a user without rights, which ends in time or is killed."""
    home = folder / "home"
    if not home.exists():
        home.mkdir()
        os.chown(home, NO_ONE, NO_ONE)
    paths = [Path(__file__).with_name("hooks"), *place.packages]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "BENCH_SECONDS": str(place.seconds),
        **place.variables,
    }
    limited = ["setpriv", f"--reuid={NO_ONE}", f"--regid={NO_ONE}", "--clear-groups", "--no-new-privs", *command]
    with subprocess.Popen(
        limited,
        cwd=place.working,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=place.seconds + _TO_START_AND_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, _ = process.communicate()
            return None, output
    return process.returncode, output


if __name__ == "__main__":
    main(Path(sys.argv[1]))

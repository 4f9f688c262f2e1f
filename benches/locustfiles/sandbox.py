"""Runs one stranger's Locust file with Locust and with loadcore, where it cannot reach anything.

    unshare --net --mount --pid --fork --kill-child python -m benches.locustfiles.sandbox FOLDER

The process has namespaces of its own: every address is this machine's, every name is the scripted server's, `/tmp` and
the home folders are empty. The file's code runs as a user without rights. FOLDER has `case.json`, and gets
`result.json`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from benches.locustfiles import scripted_server
from benches.locustfiles.authority import Authority

HOST = "http://shop.test:8000"
NO_ONE = 65534
_PORTS = {80, 443, 3000, 5000, 8000, 8080, 8081, 8088, 8089, 8888, 9000}
_PORT = re.compile(rb":(\d{2,5})\b")
_LAST_PORT = 65535
_PROBE = """
import json, sys
from locust.main import merge_locustfiles_content
classes, *_ = merge_locustfiles_content([sys.argv[1]])
print("CLASSES " + json.dumps(sorted(classes)))
"""


def main(folder: Path) -> None:
    """Run what the case says."""
    case = json.loads((folder / "case.json").read_text("utf-8"))
    path = folder / "tree" / case["path"]
    authority = Authority(folder)
    _close(authority, folder)
    for each in (folder / "tree", *(folder / "tree").rglob("*")):
        os.chown(each, NO_ONE, NO_ONE, follow_symlinks=False)
    log: list[dict[str, Any]] = []
    scripted_server.start(_ports(path), authority.context(), log)
    result: dict[str, Any] = {"runs": []}
    code, output = _run([sys.executable, "-c", _PROBE, str(path)], path, folder, 20)
    said = re.findall(r"^CLASSES (.*)$", output, re.MULTILINE)
    if not said or not json.loads(said[-1]):
        result["unfit"] = output.strip().rpartition("\n")[2][:200] or f"ends with {code}"
    for name in json.loads(said[-1]) if said else ():
        for program, command in _commands(str(path), name, case["seconds"], folder).items():
            log.clear()
            code, output = _run(command, path, folder, case["seconds"] + 30)
            run = {"class": name, "program": program, "code": code, "output": output[-6000:], "log": list(log)}
            statistics = folder / "home" / f"{program}.json"
            run["statistics"] = json.loads(statistics.read_text("utf-8")) if statistics.exists() else None
            statistics.unlink(missing_ok=True)
            result["runs"].append(run)
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)


def _commands(path: str, name: str, seconds: int, folder: Path) -> dict[str, list[str]]:
    """One user of a class, with both programs."""
    common = ["-u", "1", "-r", "1", "-t", f"{seconds}s", "-H", HOST, name]
    files = {program: str(folder / "home" / program) for program in ("locust", "loadcore")}
    return {
        "locust": [sys.executable, "-m", "locust", "-f", path, "--headless", "--json-file", files["locust"], *common],
        "loadcore": [
            *(sys.executable, "-m", "loadcore", "run", path, "--no-strict-client", "--progress", "lines"),
            *("--workers", "1", "--include-ramp", "--out", str(folder / "home" / "runs" / name)),
            *("--json-file", files["loadcore"], *common),
        ],
    }


def _close(authority: Authority, folder: Path) -> None:
    """Close the namespace, and have its programs trust the scripted server."""
    from requests import certs  # noqa: PLC0415 - of the environment that runs the file

    _do("ip", "link", "set", "lo", "up")
    _do("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo")
    _do("mount", "--make-rprivate", "/")
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="utf-8")
    _do("mount", "--bind", str(folder / "resolv.conf"), "/etc/resolv.conf")
    for bundle in (certs.where(), "/etc/ssl/certs/ca-certificates.crt"):
        if Path(bundle).exists():
            _do("mount", "--bind", str(authority.certificate), bundle)
    _hide_home_of(Path(sys.base_prefix))


def _hide_home_of(interpreter: Path) -> None:
    """Leave only the interpreter of a home folder that others may not enter."""
    home = next((each for each in reversed(interpreter.parents) if not each.stat().st_mode & 1), None)
    if home is None:
        return
    aside = Path("/mnt")
    _do("mount", "--bind", str(interpreter), str(aside))
    _do("mount", "-t", "tmpfs", "-o", "mode=755", "none", str(home))
    interpreter.mkdir(parents=True)
    _do("mount", "--move", str(aside), str(interpreter))


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _ports(path: Path) -> set[int]:
    named = {int(each) for each in _PORT.findall(path.read_bytes())}
    return _PORTS | {each for each in named if each <= _LAST_PORT}


def _run(command: list[str], path: Path, folder: Path, seconds: float) -> tuple[int | None, str]:
    """A command as a user without rights, killed after these seconds."""
    home = folder / "home"
    if not home.exists():
        home.mkdir()
        os.chown(home, NO_ONE, NO_ONE)
    hooks = str(Path(__file__).with_name("hooks"))
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "PYTHONPATH": hooks,
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
    }
    limited = ["setpriv", f"--reuid={NO_ONE}", f"--regid={NO_ONE}", "--clear-groups", "--no-new-privs", *command]
    with subprocess.Popen(
        limited,
        cwd=path.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, _ = process.communicate()
            return None, output
    return process.returncode, output


if __name__ == "__main__":
    main(Path(sys.argv[1]))

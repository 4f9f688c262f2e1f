"""What imports make of files: how much each takes over, and whether the scenario runs.

    python -m benches.imports KIND FILE …

Each scenario runs once against a loopback server that answers for every host with what the scenario
expects: the statuses, and the values that it extracts. The files are yours; none are part of the repository.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadcore.errors import LoadcoreError
from loadcore.imports.documents import read
from loadcore.imports.kinds import Kind, import_text, written
from loadcore.imports.settle import rebase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_VALUE = "7"


def main(kind: Kind, files: list[Path]) -> int:
    """Prints a line for each file, and the number of scenarios that ran."""
    ran = 0
    for file in files:
        with tempfile.TemporaryDirectory() as folder:
            line, runs = _tried(kind, file, Path(folder))
        ran += runs
        print(f"{file.name:44.44} {line}", flush=True)
    print(f"{ran}/{len(files)} scenarios ran")
    return 0 if ran == len(files) else 1


def _tried(kind: Kind, file: Path, folder: Path) -> tuple[str, bool]:
    try:
        imported = import_text(kind, read(str(file)), file.name)
    except LoadcoreError as error:
        return f"refused: {str(error).splitlines()[0][:120]}", False
    report = imported.report
    counts = f"{report.taken:4} {report.unit} taken over, {sum(report.left_out.values()):4} left out"
    path = folder / "scenario.py"
    environ = {**os.environ, **dict.fromkeys(imported.environment, "value")}
    path.write_text(written(imported, kind, file.name, path.name), encoding="utf-8")
    with _server(path.read_text("utf-8")) as url:
        rebase(imported, url)
        # Hosts beside the base URL, and token endpoints, lead to the same server.
        source = written(imported, kind, file.name, path.name)
        path.write_text(re.sub(r'(?<=")https?://[^/"{}]+(?=/)', url, source), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "loadcore", "check", path.name, "--send", "--json"],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    if done.returncode not in {0, 99}:
        return f"{counts}, does not run: {done.stderr.strip()[:300]}", False
    sent = json.loads(done.stdout)["sent"]
    found = sent["findings"]
    return f"{counts}, {len(sent['requests'])} sent, " + (
        "runs" if not found else f"found: {found[0][:160]}"
    ), not found


@contextmanager
def _server(source: str) -> Iterator[str]:
    """The URL of a server that has every value that a scenario extracts, and the status that each request expects."""
    answer = json.dumps(_with_values(re.findall(r'response\.json\((".*?"|\'.*?\')\)', source))).encode()
    headers = re.findall(r'response\.header\("([\w-]+)"\)', source)
    statuses = _statuses(source)

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            status = next((each for pattern, each in statuses if re.fullmatch(pattern, f"{self.command} {path}")), 200)
            self.send_response(status)
            for name in headers:
                self.send_header(name, _VALUE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "0" if status in {204, 304} else str(len(answer)))
            self.end_headers()
            if self.command != "HEAD" and status not in {204, 304}:
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _with_values(paths: list[str]) -> Any:  # noqa: ANN401 - any JSON
    """A document in which each JSONPath finds a value."""
    document: Any = {"access_token": _VALUE, "token_type": "Bearer", "expires_in": 3600}
    for path in sorted(paths):
        parts: list[str | int] = [
            int(index) if index else name or quoted
            for name, index, quoted in re.findall(r"\.(\w+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]", path)
        ]
        document = _put(document, parts)
    return document


def _put(node: Any, parts: list[str | int]) -> Any:  # noqa: ANN401 - any JSON
    if not parts:
        return _VALUE if node is None else node
    first, rest = parts[0], parts[1:]
    if isinstance(first, int):
        items = node if isinstance(node, list) else []
        items += [None] * (first + 1 - len(items))
        items[first] = _put(items[first], rest)
        return items
    members = node if isinstance(node, dict) else {}
    members[first] = _put(members.get(first), rest)
    return members


def _statuses(source: str) -> list[tuple[str, int]]:
    """Methods and paths of requests that expect a status."""
    found = []
    call = re.compile(
        r'\b(get|head|options|post|put|patch|delete)\(\s*"([^"]*)"(?:(?!\b(?:get|post|put|patch|delete|head)\().)*?expect=(\d+)',
        re.DOTALL,
    )
    for method, url, status in call.findall(source):
        path = re.sub(r"\{[^}]*\}", "\0", re.sub(r"^https?://[^/]*", "", url))
        found.append((re.escape(f"{method.upper()} {path}").replace("\0", "[^/]*"), int(status)))
    return found


if __name__ == "__main__":
    sys.exit(main(Kind(sys.argv[1]), [Path(each) for each in sys.argv[2:]]))

"""nginx as a target: one worker, keep-alive without end, no access log, everything in a folder of its own.

It answers the paths of `benches.answers`.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benches import tools
from benches.affinity import pinned
from benches.build import ROOT
from benches.targets.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIGURATION = """\
worker_processes 1; daemon off; error_log {folder}/error.log; pid {folder}/nginx.pid;
worker_rlimit_nofile 60000;
events {{ worker_connections 20000; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port}{tls} backlog=4096; {certificate}
        location / {{ return 200 "Hello, World!\\n"; }}
        location /unique {{ add_header X-Request-Id $request_id; return 200 "Hello, World!\\n"; }}
        location /realistic {{ default_type application/json; {fields} return 200 "Hello, World!\\n"; }}
        location /api {{ default_type application/json; {fields} return 200 '{api}'; }}
    }}
}}
"""
_FIELDS = {
    "Vary": "Accept-Encoding",
    "X-Request-Id": "$request_id",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Strict-Transport-Security": '"max-age=31536000; includeSubDomains"',
    "Referrer-Policy": "no-referrer",
    "Access-Control-Allow-Origin": "*",
}
"""With `Server`, `Date`, `Content-Type`, `Content-Length` and `Connection` thirteen."""
_API = ROOT / "rust" / "loadcore-core" / "examples" / "nullsrv" / "api.json"


@contextmanager
def nginx(*, core: int | None = None, tls: bool = False) -> Iterator[Target]:
    """Runs nginx, on one core if asked, with a certificate signed by itself if asked.

    Raises:
        MissingToolError: It is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="loadcore-bench-") as name:
        folder, port = Path(name), _free_port()
        # The worker may run as another user.
        folder.chmod(0o755)
        text = _CONFIGURATION.format(
            folder=folder,
            port=port,
            tls=" ssl" if tls else "",
            certificate=_certificate(folder) if tls else "",
            fields="".join(f"add_header {name} {value}; " for name, value in _FIELDS.items()),
            api=_API.read_text(encoding="utf-8"),
        )
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        command = [tools.find("nginx"), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        with subprocess.Popen(pinned(command, core)) as process:
            try:
                _await(port, process)
                yield Target("nginx", f"{'https' if tls else 'http'}://127.0.0.1:{port}", process.pid)
            finally:
                process.terminate()


def _certificate(folder: Path) -> str:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = [tools.find("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    about = ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, *about, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    sessions = "ssl_session_cache shared:bench:16m;"
    return f"ssl_certificate {certificate}; ssl_certificate_key {key}; {sessions}"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError(f"nginx does not listen on port {port}; it ended with {process.poll()}")

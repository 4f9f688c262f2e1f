"""nginx in front of a server: as a proxy that may give up, or tell its upstream's time, or as what ends TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.verdict.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.verdict.situation import Target

_CONFIGURATION = """\
worker_processes 1; daemon off; error_log {folder}/error.log; pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    log_format times '$msec $request_time $status'; access_log {folder}/access.log times;
    keepalive_requests 1000000000; keepalive_timeout 600;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream law {{ server {upstream}; keepalive 256; }}
    server {{
        listen 127.0.0.1:{port}{tls} backlog=4096; {certificate}
        location / {{
            proxy_pass http://law; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_read_timeout {timeout_ms}ms; proxy_next_upstream off; {header}
        }}
    }}
}}
"""
# The time of the whole response is not known yet when its head is sent.
_TELLS = "add_header X-Upstream-Header-Time $upstream_header_time always;"


def is_there() -> bool:
    """Whether nginx and openssl are installed."""
    return shutil.which("nginx", path=_PATH) is not None and shutil.which("openssl") is not None


_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin"


@contextmanager
def front(target: Target, upstream: str, port: int, folder: Path, wrap: list[str]) -> Iterator[str]:
    """Nginx before `upstream` (host and port), and its address.

    Args:
        target: What it is to do.
        upstream: Host and port of the server.
        port: Where it listens.
        folder: Where its files are.
        wrap: What its command begins with, to run it in a namespace.
    """
    folder.chmod(0o755)
    with_tls = target.front == "tls"
    text = _CONFIGURATION.format(
        folder=folder,
        port=port,
        upstream=upstream,
        tls=" ssl" if with_tls else "",
        certificate=_certificate(folder) if with_tls else "",
        timeout_ms=target.upstream_timeout_ms,
        header=_TELLS if target.front == "timing" else "",
    )
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    program = shutil.which("nginx", path=_PATH) or "nginx"
    # It stamps a request when it reads it, so its stamps are true only if it never waits for a core.
    at_once = ["chrt", "-f", "10"] if os.geteuid() == 0 else []
    command = [*wrap, *at_once, program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + 60
            while not (folder / "nginx.pid").exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            yield f"{'https' if with_tls else 'http'}://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=60)


def read(folder: Path) -> list[Served]:
    """What nginx wrote down: ends and times, in milliseconds."""
    served = []
    for line in (folder / "access.log").read_text(encoding="ascii").splitlines():
        end_s, took_s, status = line.split()
        end_ns = round(float(end_s) * 1e9)
        served.append(Served(end_ns - round(float(took_s) * 1e9), end_ns, int(status)))
    return served


def _certificate(folder: Path) -> str:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    about = ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, *about, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return f"ssl_certificate {certificate}; ssl_certificate_key {key};"

"""Machines of a network of their own: a namespace each, joined by a bridge."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests import process_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HUB = "hub"
TARGET = """
import asyncio, sys
count = 0
async def answer(reader, writer):
    global count
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            counts = head.startswith(b"GET /_count ")
            count += not counts
            body = str(count).encode() if counts else b"ok"
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    except (asyncio.IncompleteReadError, OSError):
        writer.close()
async def main():
    async with await asyncio.start_server(answer, sys.argv[1], 8080) as server:
        await server.serve_forever()
asyncio.run(main())
"""
"""A target at port 8080 of an address. `/_count` says how many requests came, itself not counted."""


def ip(words: str) -> None:
    """Runs `ip`."""
    subprocess.run(["ip", *words.split()], check=True, capture_output=True)


def may_have_namespaces() -> bool:
    """Whether this user may make network and time namespaces here."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("unshare") is None:
        return False
    name = f"probe{os.getpid()}"
    try:
        ip(f"netns add {name}")
        ip(f"netns del {name}")
        subprocess.run(["unshare", "--time", "--monotonic", "5", "--fork", "true"], check=True, capture_output=True)
    except subprocess.CalledProcessError:
        return False
    return True


@contextmanager
def network(hub: str, machines: Mapping[str, str]) -> Iterator[str]:
    """A hub and machines, with these addresses; gives the beginning of the names of their namespaces."""
    name = f"lc{os.getpid() % 100_000}"
    with ExitStack() as stack:
        for machine in (HUB, *machines):
            ip(f"netns add {name}{machine}")
            stack.callback(_remove, f"{name}{machine}")
            ip(f"-n {name}{machine} link set lo up")
        ip(f"-n {name}{HUB} link add bridge type bridge")
        ip(f"-n {name}{HUB} addr add {hub}/24 dev bridge")
        ip(f"-n {name}{HUB} link set bridge up")
        for machine, address in machines.items():
            ip(f"link add up{machine} netns {name}{HUB} type veth peer name eth0 netns {name}{machine}")
            ip(f"-n {name}{HUB} link set up{machine} master bridge up")
            ip(f"-n {name}{machine} addr add {address}/24 dev eth0")
            ip(f"-n {name}{machine} link set eth0 up")
        yield name


def _remove(namespace: str) -> None:
    """End what runs in a namespace, and remove it."""
    found = subprocess.run(["ip", "netns", "pids", namespace], check=True, capture_output=True, text=True)
    for pid in found.stdout.split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    ip(f"netns del {namespace}")


@contextmanager
def process(namespace: str, log: Path, *words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a namespace, in the folder of its log, until the end of the block."""
    own = {"LOADCORE_CACHE": str(log.parent / "cache"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with log.open("wb") as output:
        started = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *words],
            cwd=log.parent, stdout=output, stderr=output, env={**os.environ, **own, **environment},
        )  # fmt: skip
    try:
        yield started
    finally:
        process_tree.kill(started.pid)
        started.wait()

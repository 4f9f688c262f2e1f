"""Starting a client: what counts as its first request, and what it has cost by then."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from benches import affinity, clients, startup
from benches.startup import Start


def test_connection_without_a_word_is_no_request() -> None:
    """Tools that try whether the server is there have not yet sent anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(listener.getsockname()).close()
        with pytest.raises(TimeoutError):
            startup.first_request(listener, 0.2)


def test_first_bytes_are_a_request() -> None:
    """On whichever connection they come."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent, speaking = (socket.create_connection(listener.getsockname()) for _ in range(2))
        speak = threading.Timer(0.1, speaking.sendall, args=(b"GET / HTTP/1.1\r\n",))
        speak.start()
        begun = time.monotonic()
        startup.first_request(listener, 10)
        assert time.monotonic() - begun > 0.05
        speak.join()
        silent.close()
        speaking.close()


def test_cpu_of_children_counts() -> None:
    """A process that only waits for one that works has used what that one has."""
    work = "import time\nwhile time.process_time() < 0.2: pass\nprint(1, flush=True)\ntime.sleep(60)"
    wait = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    with psutil.Popen([sys.executable, "-c", wait], stdout=-1) as process:
        try:
            process.stdout.readline()
            assert startup.cpu_s(process) >= 0.2
        finally:
            for one in [*process.children(), process]:
                one.kill()


def test_client_is_gone_afterwards() -> None:
    """Also where it was to run for an hour."""
    with startup.started([sys.executable, "-c", "import time; time.sleep(3600)"]) as process:
        assert process.is_running()
    assert not process.is_running()


def test_page_has_the_quickest_first_and_names_who_is_left_out() -> None:
    """With medians in milliseconds."""
    starts = [Start("slow", 0, 0.9, 0.5), Start("quick", 0, 0.01, 0.005)]
    text = startup.page(starts, ["hey: not there"], 8)
    assert text.index("| quick | 10 [10-10] | 5 [5-5] |") < text.index("| slow | 900 [900-900] | 500 [500-500] |")
    assert text.endswith("Left out: hey: not there.")


class Speaker(clients.Floor):
    """A client that says one word."""

    name = "speaker"

    @contextmanager
    def command(self, job: clients.Job) -> Iterator[list[str]]:
        """A program that connects and speaks."""
        to = ("127.0.0.1", int(job.url.rpartition(":")[2]))
        program = f"import socket, time; socket.create_connection({to}).sendall(b'GET'); time.sleep(60)"
        yield [sys.executable, "-c", program]


def test_client_is_started_timed_and_ended() -> None:
    """What it used until it spoke is less than all that went by."""
    found = startup.measure(Speaker(), 3, 8, core=affinity.client_core())
    assert (found.client, found.round) == ("speaker", 3)
    assert 0 < found.cpu_s < found.wall_s + 0.1

"""Runs named parts of Locust's own test suite with loadcore's engine under Locust's clients.

    python -m benches.locustfiles.conformance PATH_TO_LOCUSTS_SOURCE

The source is brought beside the project and never copied into it: the Locust that is tested is that of the
source. Ends with 1 if fewer than 95 % of the tests pass, or if one fails that is not among the named exceptions.
Locust's tests judge times, so what fails without being an exception is run once more, and said.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benches.locustfiles import environment

LEAST = 0.95
FILES = (
    "test_wait_time.py",
    "test_tags.py",
    "test_sequential_taskset.py",
    "test_taskratio.py",
    "test_users.py",
    "test_interruptable_task.py",
    "test_locust_class.py",
    "test_http.py",
    "test_fasthttp.py",
)
_INTERNET = "asks a server of the public internet"
EXCEPTIONS: dict[str, str] = {
    "::TestFastHttpSsl::test_ssl_request_insecure": "needs the web interface that is made when Locust is built",
    "::TestFastHttpUserClass::test_max_redirect_setting": (
        "fails with the session of Locust itself, too: geventhttpclient 2.6 takes no redirect for the end of a call "
        "that may follow none"
    ),
    "::TestFastHttpUserClass::test_shared_client_pool": "each user has its own connections; a pool only limits them",
    "::TestHttpSession::test_verify_false_succeeds_with_bad_cert": _INTERNET,
    "::TestHttpSession::test_verify_true_fails_with_bad_cert": _INTERNET,
    "::TestHttpUserWithWebserver::test_shared_pool_manager": "each user has its own connections",
}
"""Tests that may fail, and why."""
_FIRST = """
import sys, types

# Made when Locust is built, and not in its source.
sys.modules["locust._version"] = types.SimpleNamespace(version="0", __version__="0", version_tuple=(0,))
import locust
from loadcore import locustfiles

installation = locustfiles.install()
import pytest

sys.exit(pytest.main(sys.argv[1:]))
"""
"""Puts the engine under the clients of the source's own Locust, before pytest imports anything that Locust changes."""
_RESULT = re.compile(r"^(PASSED|FAILED|ERROR) (\S+)", re.MULTILINE)


def main(source: Path) -> int:
    """Run the suite and print what passed."""
    if not (source / "locust" / "test").is_dir():
        print(f"{source} is not Locust's source: it has no locust/test", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        done = _run(source.resolve(), Path(folder))
        results = _results(done.stdout)
        again = sorted(_short(name).rpartition("::")[2] for name in _unexpected(results))
        if again:
            print(f"run once more: {', '.join(again)}")
            results |= _results(_run(source.resolve(), Path(folder), "-k", " or ".join(again)).stdout)
    failed = sorted(name for name, result in results.items() if result != "PASSED")
    passed = len(results) - len(failed)
    unexpected = _unexpected(results)
    for name in failed:
        print(f"{_short(name)}: {EXCEPTIONS.get(_short(name), 'FAILED')}")
    if not results:
        print(done.stdout[-3000:], done.stderr[-3000:], file=sys.stderr)
        return 1
    print(f"{passed} of {len(results)} tests of Locust's own suite pass ({passed / len(results):.1%})")
    return int(passed / len(results) < LEAST or bool(unexpected))


def _results(output: str) -> dict[str, str]:
    return {name: result for result, name in _RESULT.findall(output)}


def _unexpected(results: dict[str, str]) -> list[str]:
    return [name for name, result in results.items() if result != "PASSED" and _short(name) not in EXCEPTIONS]


def _run(source: Path, folder: Path, *only: str) -> subprocess.CompletedProcess[str]:
    """The tests, with the Locust that they are of."""
    root = Path(__file__).parents[2]
    modules = [f"locust.test.{Path(file).stem}" for file in FILES]
    variables = {**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{root}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [environment.python(), "-c", _FIRST, "-q", "-rA", "-p", "no:cacheprovider"]
    command += [
        "-c",
        os.devnull,
        "--rootdir",
        str(folder),
        "--timeout",
        "30",
        "--no-header",
        *only,
        "--pyargs",
        *modules,
    ]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=900, check=False)


def _short(name: str) -> str:
    return name.rpartition("/")[2]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

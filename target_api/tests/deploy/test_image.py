"""The container image without containers: its packages in an environment of their own, its commands without a stdin."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadcore_target.deploy.topology import FOLDER
from loadcore_target.tests.running import REPOSITORY

_DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module", name="image")
def _image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the image's /srv, with a Python that has what the Dockerfile installs and nothing else."""
    folder = tmp_path_factory.mktemp("srv")
    for name in ("pyproject.toml", ".ci/constraints.txt"):
        assert name in _DOCKERFILE
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(
        REPOSITORY / "target_api", folder / "loadcore_target", ignore=shutil.ignore_patterns("tests", "__pycache__")
    )
    written = re.search(r'RUN python -c "(.+?)" > requirements\.txt', _DOCKERFILE.replace("\\\n", ""))
    assert written is not None
    lines = subprocess.run([sys.executable, "-c", written[1]], cwd=folder, check=True, capture_output=True, text=True)
    (folder / "requirements.txt").write_text(lines.stdout)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    packages = ["--constraint", "constraints.txt", "--requirement", "requirements.txt"]
    subprocess.run([str(folder / "venv/bin/python"), *install, *packages], cwd=folder, check=True)
    return folder


@contextmanager
def _started(image: Path, arguments: Sequence[str]) -> Iterator[dict[str, str]]:
    """A command of the image with standard input from /dev/null, as containers have it; its ready line."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PYTHON"))}
    with subprocess.Popen(
        [image / "venv/bin/python", *arguments],
        cwd=image,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.timeout(600)
def test_the_image_s_commands_stay_up(image: Path) -> None:
    """Gateway and stub start with the image's packages, answer, and stay until SIGTERM although stdin has no reader."""
    stub = ["-m", "loadcore_target", "stub", "--port", "0", "--latency", "1ms"]
    gateway = ["-m", "loadcore_target", "--port", "0", "--users", "1", "--data-dir", str(image / "data")]
    with _started(image, stub) as upstream, _started(image, gateway) as ready:
        for url in (f"{upstream['url']}/_stub/truth", f"{ready['url']}/ready", f"{upstream['url']}/x") * 3:
            with urllib.request.urlopen(url, timeout=60) as answer:
                assert answer.status == 200

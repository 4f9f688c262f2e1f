"""An environment of this bench alone: what loadcore is installed in, and what strangers' files import beside it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

PACKAGES = Path(__file__).with_name("packages.txt")
_CONSTRAINTS = Path(__file__).parents[2] / ".ci" / "constraints.txt"


def folder() -> Path:
    """Where it is: another installation of loadcore has another one, so that two may run beside each other."""
    installation = hashlib.sha256(sys.executable.encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"loadcore-bench-locustfiles-{installation}"


def python() -> str:
    """The interpreter of the environment, made if it is not there."""
    wanted = PACKAGES.read_text("utf-8")
    made_of = folder() / "made-of"
    interpreter = folder() / "bin" / "python"
    if not made_of.exists() or made_of.read_text("utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder()], check=True)
        packages = sysconfig.get_path("purelib")
        own = Path(subprocess.check_output([interpreter, "-c", _PURELIB], text=True).strip())
        (own / "beside.pth").write_text(f"import site; site.addsitedir({packages!r})\n", "utf-8")
        # What pip needs to find versions that go together takes it many minutes.
        install: list[str | Path] = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", interpreter]
        subprocess.run([*install, "--constraint", _CONSTRAINTS, "--requirement", PACKAGES], check=True)
        made_of.write_text(wanted, "utf-8")
    return str(interpreter)


_PURELIB = "import sysconfig; print(sysconfig.get_path('purelib'))"

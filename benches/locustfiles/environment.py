"""An environment of this bench alone: what loadcore is installed in, and what strangers' files import beside it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.gettempdir()) / "loadcore-bench-locustfiles"
PACKAGES = Path(__file__).with_name("packages.txt")
_CONSTRAINTS = Path(__file__).parents[2] / ".ci" / "constraints.txt"


def python() -> str:
    """The interpreter of the environment, made if it is not there."""
    wanted = PACKAGES.read_text("utf-8") + sys.executable
    made_of = FOLDER / "made-of"
    interpreter = FOLDER / "bin" / "python"
    if not made_of.exists() or made_of.read_text("utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
        packages = sysconfig.get_path("purelib")
        own = Path(subprocess.check_output([interpreter, "-c", _PURELIB], text=True).strip())
        (own / "beside.pth").write_text(f"import site; site.addsitedir({packages!r})\n", "utf-8")
        # What pip needs to find versions that go together takes it many minutes.
        install: list[str | Path] = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", interpreter]
        subprocess.run([*install, "--constraint", _CONSTRAINTS, "--requirement", PACKAGES], check=True)
        made_of.write_text(wanted, "utf-8")
    return str(interpreter)


_PURELIB = "import sysconfig; print(sysconfig.get_path('purelib'))"

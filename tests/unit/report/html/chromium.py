"""Headless Chromium, and how it shows a page."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
LIVE = Path(__file__).parents[2] / "live" / "web"
ROOT = Path(__file__).parents[4]
AXE = ROOT / ".venv/axe/node_modules/axe-core/axe.min.js"
"""Where `.ci/run` puts the rules for accessibility."""
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_LEAST_WIDTH = 500
_FRAME = """<!doctype html><body style="margin:0">
<iframe src="{page}" style="border:0;width:{width}px;height:{height}px"></iframe><script>
const timer = setInterval(() => {{
  const found = frames[0].document.getElementById("{element}");
  if (found) {{ clearInterval(timer); document.body.replaceChildren(found); }}
}}, 100);
</script></body>"""
"""A window for a page that is narrower than the browser's may be; it shows what the page's script has made."""


@cache
def program() -> str:
    """The browser; the test is skipped where there is none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(f"there is no headless browser: none of {', '.join(_NAMES)} is installed")
    return found


def run(page: Path, *options: str, folder: Path) -> str:
    """Open a page without a network and give back what the browser prints."""
    command = [program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    command += ["--disable-extensions", "--disable-background-networking", f"--user-data-dir={folder / 'profile'}"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def looked_at(page: str, folder: Path, width: int = 1280, *, with_axe: bool = False) -> dict[str, Any]:
    """What `look.js` finds in a page that is this wide.

    The page's own policy lets no other script run, so it is taken out here; another test keeps it in.
    """
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    rules = AXE.read_text() if with_axe else ""
    scripts = [f"<script>{text}</script>" for text in (rules, (HERE / "look.js").read_text()) if text]
    page = page.replace("<head>", f"<head><script>{(HERE / 'record.js').read_text()}</script>")
    file = folder / "looked-at.html"
    file.write_text(page.replace("</body>", f"{''.join(scripts)}</body>"), encoding="utf-8")
    result: dict[str, Any] = said(file, "looked", width, 2000, "--virtual-time-budget=20000", folder=folder)
    return result


def said(page: Path, element: str, width: int, height: int, *options: str, folder: Path) -> Any:
    """The JSON in an element of this id that a page's script has made, in a page that is this wide.

    The browser's window is never narrower than 500 pixels: a page that is, is in a frame.
    """
    if width < _LEAST_WIDTH:
        frame = page.with_name(f"framed-{page.name}")
        frame.write_text(_FRAME.format(page=page.name, element=element, width=width, height=height), encoding="utf-8")
        page, options = frame, (*options, "--allow-file-access-from-files")
    dumped = run(page, "--dump-dom", f"--window-size={max(width, _LEAST_WIDTH)},{height}", *options, folder=folder)
    found = re.search(rf'<pre id="{element}">(.*?)</pre>', dumped, re.DOTALL)
    assert found, dumped[-1500:]
    return json.loads(html.unescape(found[1]))


def picture(page: str, file: Path, folder: Path, *, dark: bool = False, size: str = "1280,4200") -> None:
    """A picture of a page as it is, in the light or the dark."""
    source = folder / "page.html"
    source.write_text(page, encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    run(source, f"--screenshot={file}", f"--window-size={size}", scheme, "--virtual-time-budget=5000", folder=folder)

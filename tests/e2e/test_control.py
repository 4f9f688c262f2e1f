"""A run whose load is changed from outside while it lasts."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING

from tests.e2e.command import loadcore
from tests.e2e.running import running
from tests.e2e.small_target import small_target

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_is_changed_while_it_lasts(tmp_path: Path) -> None:
    """Orders reach all workers, one that is killed included in the account; results say what was changed."""
    folder = tmp_path / "run"
    with small_target() as url, running(url, folder, count=4, duration="60s", workers=2) as run:
        run.until("second", 0)
        more = loadcore("control", "users", "20", str(folder), cwd=tmp_path)
        assert (more.returncode, more.stderr) == (0, "")
        begins = re.fullmatch(r"\w+: users 20 from (\d+\.\d) s on\n", more.stdout)
        assert begins
        run.until("second", int(float(begins[1])) + 2)
        run.workers()[1].kill()
        run.until("message")
        paused = loadcore("control", "pause", str(folder), "--json", cwd=tmp_path)
        assert json.loads(paused.stdout)["scenarios"][0] | {"name": ""} == {
            "name": "",
            "kind": "users",
            "changes": ["pause", "resume", "users"],
            "paused": True,
            "level": "users 20",
        }
        refused = loadcore("control", "rate", "5/s", str(folder), cwd=tmp_path)
        assert (refused.returncode, refused.stdout) == (104, "")
        assert "has a number of users, so it has no rate to change" in refused.stderr
        run.until("second")
        run.process.send_signal(signal.SIGINT)
        run.end()
    summary = json.loads((folder / "summary.json").read_text())
    assert [order["change"] for order in summary["load"]["orders"]] == ["users 20", "pause"]
    assert [lost["worker"] for lost in summary["workers_lost"]] == [1]
    assert summary["load"]["scenarios"][0]["users"]["peak"] == 20
    assert more.stdout.strip() in run.messages()
    assert not (folder / "control.sock").exists()
    report = loadcore("report", str(folder), cwd=tmp_path).stdout
    assert re.search(r"load changed while it ran: users 20 at \d:\d\d, pause at\s+\d:\d\d", report)
    assert "4 users, changed while it ran" in report
    assert loadcore("report", str(folder), "--html", "page.html", cwd=tmp_path).returncode == 0
    html = (tmp_path / "page.html").read_text()
    assert "Load changed while it ran: users 20 at" in html
    assert "4 users, changed while it ran" in html
    assert html.count('<span class="badge order">') == 2
    late = loadcore("control", "resume", str(folder), cwd=tmp_path)
    assert late.returncode == 104
    assert "does not take orders: it has ended" in late.stderr

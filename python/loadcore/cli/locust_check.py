"""`loadcore check LOCUSTFILE`: what would be run of a Locust file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loadcore.cli import locust_files
from loadcore.cli.finish import end_with
from loadcore.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from loadcore.cli.console import Console
    from loadcore.cli.locust_arguments import OfLocust
    from loadcore.cli.prepare import Prepared
    from loadcore.cli.settings import Settings


def check(of_locust: OfLocust, settings: Settings, console: Console, *, as_json: bool, send: bool) -> int:
    """Prints what would be run.

    Args:
        of_locust: The file and what is for Locust.
        settings: Of the command.
        console: Where it is printed.
        as_json: Whether the result is one JSON document.
        send: Whether it should be tried, too, which Locust files cannot.

    Raises:
        UsageError: It should be tried.
    """
    if send:
        name = of_locust.path.name
        raise UsageError(
            "--send is for scenarios", hint=f"try a Locust file with one user: loadcore run {name} -u 1 -t 5s"
        )
    prepared, facts = locust_files.prepare(of_locust, settings)
    result = _document(prepared, facts) if as_json else _text(prepared, facts, settings, console)
    return end_with(result, console, ExitCode.PASS)


def _document(prepared: Prepared, facts: dict[str, Any]) -> str:
    document = {
        "plan": prepared.plan.redacted(),
        "plan_sha256": prepared.plan.digest,
        "locustfile": facts,
        "thresholds": [rule.expression for rule in prepared.rules],
        "sources": {name: setting.source for name, setting in prepared.sources.items()},
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _text(prepared: Prepared, facts: dict[str, Any], settings: Settings, console: Console) -> str:
    from loadcore.report import plan_words
    from loadcore.report.locustfile_text import render
    from loadcore.report.plan_text import Source

    page = console.page()
    of_locust = "Locust's options"
    shown = [Source("target", prepared.target, of_locust)]
    if facts["shape"] is None:
        shown.append(Source("users", f"{facts['users']}, {facts['spawn_rate']:g} more per second", of_locust))
        until = "Ctrl-C" if facts["run_time_s"] is None else f"{facts['run_time_s']} s"
        shown.append(Source("duration", until, of_locust))
    else:
        shown.append(Source("users", f"as the shape {facts['shape']} decides", of_locust))
    warm_up = plan_words.warm_up(prepared.plan.document["warm_up_ns"], page.glyphs)
    shown.append(Source("warm-up", warm_up, prepared.sources["warm_up"].source))
    shown += [
        Source("threshold", rule.expression, "default" if rule.default else prepared.sources["thresholds"].source)
        for rule in prepared.rules
    ]
    shown.append(Source("workers", str(locust_files.workers_of(facts, settings)), of_locust))
    return render(facts, shown, page)

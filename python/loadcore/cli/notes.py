"""What a user should know before a run begins, though nothing is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadcore.plan import outline
from loadcore.wording.units import parse_rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadcore.cli.prepare import Prepared
    from loadcore.cli.settings import Settings
    from loadcore.compiler import Overrides
    from loadcore.plan.plan import Plan

_SMALL_BYTES = 10_000_000
_LARGE_BYTES = 1_000_000_000
_LARGE_SHARE = 0.1
_PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def notes_of(prepared: Prepared, settings: Settings) -> list[str]:
    """Everything that is worth a line."""
    urls = [scenario["base_url"] for scenario in prepared.plan.document["scenarios"]]
    notes = (
        proxy_note(urls, os.environ),
        sum_note(len(prepared.scenarios), settings.layers()),
        worker_note(prepared.plan),
        disk_note(prepared.plan, settings),
        trace_note(prepared.plan, settings.get("trace_url")),
    )
    return [*script_notes(prepared.plan), *(note for note in notes if note is not None)]


def script_notes(plan: Plan) -> list[str]:
    """What surprises in users' functions, with its line: as `loadcore check` shows it."""
    return [note for script in plan.document.get("scripts", ()) for note in script.get("notes", ())]


def trace_note(plan: Plan, url: str | None) -> str | None:
    """That a place for traces was given, and nothing is traced."""
    from loadcore.plan.traces import UNUSED_URL, traces

    return UNUSED_URL if url is not None and traces(plan, url) is None else None


def disk_note(plan: Plan, settings: Settings) -> str | None:
    """What a run will take on the disk, where that is much; `loadcore check` says it of every run."""
    from loadcore.calibration.disk import disk_of
    from loadcore.machine.host import free_bytes
    from loadcore.processes.launch import workers_of
    from loadcore.report.numbers import size
    from loadcore.results.run_folder import DEFAULT_ROOT

    if plan.scripted():
        return None
    takes = disk_of(plan, workers_of(plan, settings.get("workers")))
    if takes is None or takes < _SMALL_BYTES:
        return None
    place = Path(settings.get("out") or DEFAULT_ROOT)
    free = free_bytes(place)
    if free is None or (takes < _LARGE_BYTES and takes < _LARGE_SHARE * free):
        return None
    return f"this run takes up to {size(takes)} of the disk, where {size(free)} are free"


def proxy_note(urls: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """That a proxy of the environment is not used, where other programs would use it."""
    named = [name for name in _PROXIES if environ.get(name)]
    if not named:
        return None
    from urllib.request import proxy_bypass

    hosts = list(dict.fromkeys(urlsplit(url).hostname or "" for url in urls))
    passed_by = [host for host in hosts if not _is_this_machine(host) and not proxy_bypass(host)]
    if not passed_by:
        return None
    return f"{named[0]} is set, but loadcore does not use proxies: it connects to {', '.join(passed_by)} directly"


def sum_note(number: int, layers: Sequence[Overrides]) -> str | None:
    """What a load for each of several scenarios comes to; a file's holds only for some of them, and is left out."""
    for layer in reversed(layers):
        if number == 1 or layer.file is not None:
            return None
        if isinstance(layer.users, int):
            users = f"{layer.users:,} user{'s' if layer.users > 1 else ''}"
            return f"each of the {number} scenarios gets {users}: {number * layer.users:,} in all"
        if layer.users is not None:
            return f"each of the {number} scenarios gets these stages of users"
        if layer.rate is not None:
            in_all = number * parse_rate(layer.rate).per_second
            return f"each of the {number} scenarios starts {layer.rate}: {in_all:,.10g}/s in all"
    return None


def worker_note(plan: Plan) -> str | None:
    """Why the run has one worker, whatever the machine could carry."""
    reason = outline.indivisible(plan)
    return f"all users share one token, and the run has one worker: {reason}" if reason else None


def _is_this_machine(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")

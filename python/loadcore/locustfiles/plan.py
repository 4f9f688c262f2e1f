"""The plan of a Locust file: one scenario whose users are decided by Locust."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from loadcore.errors import Problem, ScenarioError
from loadcore.plan.plan import VERSION, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from loadcore.plan.document import HttpPlan, TlsPlan

_NS: Final = 1_000_000_000
_NO_TIMEOUT_NS: Final = 24 * 3600 * _NS
"""`HttpUser` has no timeouts. A run that lasts longer than this is stopped by hand."""
_AFTER_STOPPING_S: Final = 60.0
"""How long `on_stop`, `test_stop` and the like may take, beyond `--stop-timeout`: as long as Locust's master waits."""
_KEPT_BODY: Final = 256 << 20
"""User code may look at every body."""


def plan_of(
    path: Path,
    facts: Mapping[str, Any],
    *,
    seed: int | None = None,
    warm_up_ns: int | None = None,
    include_ramp: bool = False,
    trace_sample: float = 0.0,
) -> Plan:
    """The plan of a file.

    Args:
        path: The file.
        facts: As `loadcore.locustfiles.locustfile.facts_of` has them.
        seed: Of the run.
        warm_up_ns: In place of the ramp, which lasts until Locust has started all users.
        include_ramp: Whether the ramp is measured, too.
        trace_sample: The share of requests that carry a `traceparent`.

    Raises:
        ScenarioError: It has no host.
    """
    if warm_up_ns is None and include_ramp:
        warm_up_ns = 0
    return Plan(
        {
            "version": VERSION,
            "name": path.stem,
            "seed": random.SystemRandom().getrandbits(48) if seed is None else seed,
            "warm_up_ns": warm_up_ns,
            "graceful_stop_ns": int((facts["stop_timeout_s"] + _AFTER_STOPPING_S) * _NS),
            "http": _http(facts["ca_file"], trace_sample),
            "feeders": [],
            "auth": [],
            "scenarios": [
                {
                    "name": path.stem,
                    "base_url": base_url(path, facts),
                    "load": {"kind": "script"},
                    "start_after_ns": 0,
                    "headers": [],
                    "feeders": [],
                    "on_start": [],
                    "steps": [],
                    "script": True,
                    "at": path.name,
                }
            ],
        }
    )


def base_url(path: Path, facts: Mapping[str, Any]) -> str:
    """The target: what `-H` says, else what the first class says. Credentials are for the requests alone.

    Raises:
        ScenarioError: A class that needs one has none.
    """
    classes = facts["classes"]
    host = facts["host"] or next((each["host"] for each in classes if each["host"]), None)
    without = [each["name"] for each in classes if each["client"] != "own" and not (facts["host"] or each["host"])]
    if without and not facts["sets_host"]:
        hint = "give the target with -H https://…, or give the class a host"
        problem = Problem(f"{', '.join(without)}: the class has no host", at=path.name, hint=hint)
        raise ScenarioError([problem])
    if host is None:
        return "http://localhost"
    parts = urlsplit(host)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        hint = "write it with its scheme: -H https://shop.example"
        raise ScenarioError(
            [Problem(f'the host is "{host}", which is not the URL of a target', at=path.name, hint=hint)]
        )
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))


def _http(ca_file: str | None, trace_sample: float) -> HttpPlan:
    # Each request says whether its certificate is verified.
    tls: TlsPlan = {"insecure": False, "resumption": "resume"}
    if ca_file is not None:
        tls["ca_file"] = ca_file
    http: HttpPlan = {
        "version": "1.1",
        "timeouts": {"connect_ns": _NO_TIMEOUT_NS, "total_ns": _NO_TIMEOUT_NS},
        "reuse": "user",
        "limits": {
            "head_bytes": 64 << 10,
            "header_count": 256,
            "body_bytes": 1 << 30,
            "kept_body_bytes": _KEPT_BODY,
            "chunk_extension_bytes": 16 << 10,
            "trailer_bytes": 16 << 10,
            "interim_count": 16,
        },
        "tls": tls,
        "max_redirects": 0,
        "cookies": False,
    }
    if trace_sample:
        http["trace_sample"] = trace_sample
    return http

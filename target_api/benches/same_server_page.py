"""The page's part on what several clients say of one server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benches.results import Table
from loadcore_target.benches.client_programs import TOOLS
from loadcore_target.benches.same_server import UPSTREAM_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

_FIGURES = (
    ("requests_per_s", ".1f"),
    ("mean_ms", ".1f"),
    ("p50_ms", ".1f"),
    ("p95_ms", ".0f"),
    ("proxied_p50_ms", ".1f"),
)
_COLUMNS = (
    "users", "client", "requests (counted)", "success", "requests/s (true)", "mean ms (true)", "p50 (true)",
    "p95 (true)", "proxied p50 (true)", "client cores", "CPU ms/request", "others",
)  # fmt: skip


def section(rows: Sequence[dict[str, Any]], on: str) -> str:
    """What each client reported beside what the gateway measured of the same requests."""
    first = rows[0]
    missing = [tool.name for tool in TOOLS if not any(row["client"] == tool.name for row in rows)]
    left_out = f"Left out, because not installed or failing: {', '.join(missing)}.\n\n" if missing else ""
    return f"""
## The same server, seen by other clients

One gateway with one worker, cheap password hash, its cache in its own memory; one client after another sends the
journey above to it. Users come within {first["ramp_s"]} s and stay for {first["steady_s"]} s more. Logins are in no
figure; the ramp is. In parentheses stands the truth: how many of these requests the gateway counted, at which rate they
came, and how long each took by the gateway's own clock, from the arrival of its head to the end of its answer. A
request that goes through to the upstream waits {UPSTREAM_MS} ms there: a median far from that is wrong, whoever
reports it. The gateway's clock starts when it reads a request; what that had to wait before, in the gateway's socket,
users feel and clients are right to count. So where all clients say the same, it is true; where one says more than the
others, the difference is its own.

{on}

{left_out}{_table(rows)}

Every tool runs as it comes. Its start and its report are in *client cores* (CPU time of its processes / time from start
to end) and in *CPU ms/request*; *others* is what neither the tool nor the gateway used. Locust and k6 have scripts,
loadcore a scenario, k9-load a plan, which its manual calls the fastest; its plans know fixed pauses only, here 2 s. k6
and k9-load divide by the time of the whole run, Locust and the gateway by that from the first to the last request. A
request that was under way when its client stopped is in the gateway's count alone. loadcore and Locust count the
opening of a connection, k6 and k9-load do not. Locust rounds times above 100 ms to two digits.
""".strip()


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in sorted(rows, key=lambda each: each["users"]):  # stable: the clients keep their order
        pairs = [f"{row[f'reported_{key}']:{form}} ({row[f'true_{key}']:{form}})" for key, form in _FIGURES]
        lines.append(
            [
                str(row["users"]),
                row["client"],
                f"{row['reported_requests']} ({row['true_requests']})",
                f"{row['reported_success']:.2%}",
                *pairs,
                f"{row['client_cpu_s'] / row['wall_s']:.2f}",
                f"{row['client_cpu_s'] * 1e3 / row['reported_requests']:.2f}",
                f"{row['foreign_cores']:.2f}",
            ]
        )
    return Table(_COLUMNS, lines).markdown()

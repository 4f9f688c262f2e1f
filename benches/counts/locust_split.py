"""Where the instructions of a request of a Locust file go: `python -m benches.counts.locust_split`.

A user does nothing, sends what was written beforehand, or calls its client: what the next one takes beyond the one
before is the next part's.
"""

from __future__ import annotations

from benches import affinity, results
from benches.counts import python_thread
from benches.targets.nullsrv import nullsrv

PROGRAM = "locust_file"
CLIENTS = {"http": "HttpUser", "fast": "FastHttpUser"}


def table(figures: dict[str, tuple[float, float]]) -> results.Table:
    """The parts of a request, from the instructions of both threads by case."""
    loop, ring = figures["loop"][0], figures["ring"][0] - figures["loop"][0]
    columns = ["users", "Locust's loop", "ring, hub and switches", "session", "engine's thread", "all"]
    rows = []
    for case, name in CLIENTS.items():
        code, engine = figures[case]
        parts = [loop, ring, code - loop - ring, engine, code + engine]
        rows.append([name, *(f"{part:,.0f}" for part in parts)])
    return results.Table(columns, rows)


def main() -> None:
    """Counts all cases."""
    affinity.allow_many_files()
    with nullsrv() as target:
        cases = ("loop", "ring", *CLIENTS)
        figures = {case: python_thread.each(PROGRAM, case, target.url) for case in cases}
    kept = [{"case": case, "code": code, "engine": engine} for case, (code, engine) in figures.items()]
    page = f"""## Where a request of a Locust file goes

User-space instructions, 64 users whose two tasks make one request and wait for no time.

{table(figures).markdown()}
"""
    results.keep("locust_split", kept, page)


if __name__ == "__main__":
    main()

"""Puts what benches have measured last into `benches/README.md`, in short into `README.md`, and into a page with plots.

`python -m benches.page` reads what lies in `target/bench/`; a bench that was not run leaves no section.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from benches import results, short_table
from benches.build import ROOT
from benches.cpu_per_request import CONNECTIONS, Run, costs_us, ratios

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDER = (
    "counts",
    "cpu_per_request",
    "peers",
    "login",
    "startup",
    "memory",
    "saturation",
    "recording",
    "pacing",
    "coordinated_omission",
    "fidelity",
    "matrix",
)
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_WIDTH, _ROW, _LEFT = 720, 22, 150


def sections() -> str:
    """The pages of all benches that were run, one after another."""
    there = [name for name in ORDER if (results.FOLDER / f"{name}.md").exists()]
    machines = {name: results.load(name)[1] for name in there}
    parts = []
    for name in there:
        text = (results.FOLDER / f"{name}.md").read_text(encoding="utf-8")
        title, rest = text.split("\n", 1)
        parts.append(f"{title}\n\n{where(machines[name])}\n{rest}")
    return "\n".join(parts)


def where(machine: dict[str, str]) -> str:
    """The machine in one line."""
    return "Measured on " + ", ".join(f"{name} {value}" for name, value in machine.items()) + "."


def put(document: str, measured: str, begin: str = BEGIN, end: str = END) -> str:
    """The document with this in place of what was measured before.

    Raises:
        ValueError: The document has no place for it.
    """
    if begin not in document or end not in document:
        raise ValueError(f"no {begin} and {end}")
    before, after = document.split(begin, maxsplit=1)[0], document.split(end)[1]
    return f"{before}{begin}\n\n{measured.strip()}\n\n{end}{after}"


def plot(runs: Sequence[Run], server: str) -> str:
    """Ratios to wrk as bars with their intervals, for each number of connections, as SVG."""
    lines: list[tuple[str, float, float, float]] = []
    for connections in CONNECTIONS:
        cell = [one for one in runs if (one.server, one.connections) == (server, connections)]
        costs = costs_us(cell)
        if "wrk" not in costs:
            continue
        lines.append((f"{connections} connections", 0, 0, 0))
        found = {client: ratios(cell, client, "wrk") for client in costs}
        ordered = sorted(found.items(), key=lambda pair: pair[1].median)
        lines += [(client, ratio.median, ratio.low, ratio.high) for client, ratio in ordered]
    most = max((line[3] for line in lines), default=1.0) * 1.05 or 1.0
    scale = (_WIDTH - _LEFT - 60) / most
    parts = [f'<line x1="{_LEFT + scale:.1f}" x2="{_LEFT + scale:.1f}" y1="0" y2="{len(lines) * _ROW}" class="one"/>']
    for number, (name, median, low, high) in enumerate(lines):
        y = number * _ROW + 15
        if not median:
            parts.append(f'<text x="0" y="{y}" class="head">{html.escape(name)}</text>')
            continue
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end">{html.escape(name)}</text>'
            f'<rect x="{_LEFT}" y="{y - 11}" width="{median * scale:.1f}" height="14"/>'
            f'<line x1="{_LEFT + low * scale:.1f}" x2="{_LEFT + high * scale:.1f}" y1="{y - 4}" y2="{y - 4}"/>'
            f'<text x="{_LEFT + high * scale + 6:.1f}" y="{y}">{median:.2f}</text>'
        )
    return f'<svg width="{_WIDTH}" height="{len(lines) * _ROW + 6}">{"".join(parts)}</svg>'


def in_html(markdown: str) -> str:
    """Headings, tables and paragraphs, which is all that benches write."""
    parts: list[str] = []
    for block in re.split(r"\n{2,}", markdown.strip()):
        if block.startswith("|"):
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
            head, *body = [row for row in rows if set("".join(row)) - {"-"}]
            cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
            lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in body]
            parts.append(f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>")
        elif block.startswith("## "):
            parts.append(f"<h2>{html.escape(block[3:])}</h2>")
        else:
            bold = re.sub(r"[*][*](.+?)[*][*]", r"<b>\1</b>", html.escape(block))
            parts.append(f"<p>{bold}</p>")
    return "\n".join(parts)


STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
td, th { padding: 2px 10px; text-align: right; border-bottom: 1px solid #ddd }
td:first-child, th:first-child { text-align: left }
svg text { font: 12px system-ui, sans-serif } .head { font-weight: bold }
rect { fill: #7aa6c2 } line { stroke: #333 } .one { stroke: #b33; stroke-dasharray: 4 3 }
"""


def write_html(measured: str) -> None:
    """Writes `target/bench/index.html`."""
    plots = ""
    for name, title in (("cpu_per_request", "CPU per request ÷ wrk"), ("peers", "Other tools, CPU per request ÷ wrk")):
        runs = short_table.kept(name)
        for server in dict.fromkeys(one.server for one in runs):
            plots += f"<h3>{title}, {server}</h3>{plot(runs, server)}"
    text = f"<!doctype html><meta charset=utf-8><title>loadcore benches</title><style>{STYLE}</style>"
    text += f"<h1>loadcore benches</h1>{plots}{in_html(measured)}"
    (results.FOLDER / "index.html").write_text(text, encoding="utf-8")


def main() -> None:
    """Renders what was measured last."""
    measured = sections()
    whole, front = ROOT / "benches" / "README.md", ROOT / "README.md"
    whole.write_text(put(whole.read_text(encoding="utf-8"), measured), encoding="utf-8")
    short = short_table.text(*(short_table.kept(name) for name in ("cpu_per_request", "peers", "login")))
    if short:
        text = put(front.read_text(encoding="utf-8"), short, short_table.BEGIN, short_table.END)
        front.write_text(text, encoding="utf-8")
    write_html(measured)
    print(f"{whole}\n{front}\n{results.FOLDER / 'index.html'}")


if __name__ == "__main__":
    main()

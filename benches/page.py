"""Writes what benches have measured last: `benches/results.md`, a short table in `README.md`, a page with plots.

`python -m benches.page` reads what lies in `target/bench/`. A bench that was not run keeps the section that
`benches/results.md` has of it.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from benches import answers, results, short_table
from benches.build import ROOT
from benches.cpu_per_request import CONNECTIONS, Run, cells, costs_us, ratios

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ORDER = (
    "counts",
    "cpu_per_request",
    "peers",
    "scripted",
    "login",
    "startup",
    "memory",
    "locust_users",
    "saturation",
    "recording",
    "pacing",
    "coordinated_omission",
    "fidelity",
    "matrix",
    "comparing",
    "report_page",
    "live_page",
    "many_nodes",
    "parity",
)
RESULTS = ROOT / "benches" / "results.md"
INTRODUCTION = """\
# Results

Written by `python -m benches.page` from what each bench measured last: change the bench, not this page.
[Benches](README.md) says what each bench measures, and how. All of it is loopback; where a table names no other answer,
the server sends 156 bytes whose head is the same each time.
"""
_COMMAND = re.compile(r"^`python -m benches[.](\w+)`", re.MULTILINE)
_WIDTH, _ROW, _LEFT = 720, 22, 150


def measured() -> dict[str, str]:
    """A section for each bench that was run here: its command, the machine, and what it found."""
    found = {}
    for name in ORDER:
        if (path := results.FOLDER / f"{name}.md").exists():
            title, rest = path.read_text(encoding="utf-8").split("\n", 1)
            machine = results.load(name)[1]
            found[name] = f"{title}\n\n`python -m benches.{name}`. {where(machine)}\n\n{rest.strip()}\n"
    return found


def kept(document: str) -> dict[str, str]:
    """The sections of a page that this module wrote, by bench.

    Raises:
        ValueError: One of them names no bench.
    """
    found = {}
    for section in re.split(r"^(?=## )", document, flags=re.MULTILINE)[1:]:
        command = _COMMAND.search(section)
        if command is None or command[1] not in ORDER:
            raise ValueError(f"not the section of a bench: {section.splitlines()[0]}")
        found[command[1]] = section.strip() + "\n"
    return found


def merged(document: str, new: Mapping[str, str]) -> str:
    """The page with these sections in place of those before; the others stay as they are."""
    sections = {**kept(document), **new}
    return "\n".join([INTRODUCTION, *(sections[name] for name in ORDER if name in sections)])


def where(machine: Mapping[str, str]) -> str:
    """The day, the machine and the versions in one line."""
    facts = ", ".join(f"{name} {value}" for name, value in machine.items() if name != "day")
    return f"Measured on {machine.get('day', 'an unknown day')}: {facts}."


def put(document: str, text: str, begin: str, end: str) -> str:
    """The document with this text between two marks.

    Raises:
        ValueError: The document has no place for it.
    """
    if begin not in document or end not in document:
        raise ValueError(f"no {begin} and {end}")
    before, after = document.split(begin, maxsplit=1)[0], document.split(end)[1]
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"


def plot(runs: Sequence[Run], server: str) -> str:
    """Ratios to wrk as bars with their intervals, for each number of connections, as SVG."""
    lines: list[tuple[str, float, float, float]] = []
    for connections in CONNECTIONS:
        cell = cells(runs).get((server, answers.CONSTANT.name, connections), [])
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


def write_html(markdown: str) -> None:
    """Writes `target/bench/index.html`."""
    plots = ""
    for name, title in (("cpu_per_request", "CPU per request ÷ wrk"), ("peers", "Other tools, CPU per request ÷ wrk")):
        runs = short_table.kept(name)
        for server in dict.fromkeys(one.server for one in runs):
            plots += f"<h3>{title}, {server}</h3>{plot(runs, server)}"
    text = f"<!doctype html><meta charset=utf-8><title>loadcore benches</title><style>{STYLE}</style>"
    text += f"<h1>loadcore benches</h1>{plots}{in_html(markdown)}"
    (results.FOLDER / "index.html").write_text(text, encoding="utf-8")


def main() -> None:
    """Renders what was measured last."""
    document = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    page = merged(document, measured())
    RESULTS.write_text(page, encoding="utf-8")
    front = ROOT / "README.md"
    short = short_table.text(*(short_table.kept(name) for name in ("cpu_per_request", "peers", "login")))
    if short:
        text = put(front.read_text(encoding="utf-8"), short, short_table.BEGIN, short_table.END)
        front.write_text(text, encoding="utf-8")
    write_html(page.removeprefix(INTRODUCTION))
    print(f"{RESULTS}\n{front}\n{results.FOLDER / 'index.html'}")


if __name__ == "__main__":
    main()

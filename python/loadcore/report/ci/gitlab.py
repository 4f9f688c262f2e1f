"""A run as GitLab's metrics report: OpenMetrics, which GitLab compares with those of the target branch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadcore.report.escaping import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMES = ("p50", "p95", "p99")


def render(summary: Mapping[str, Any]) -> str:
    """The document, all of it gauges; of each step and of all together."""
    steps = [step for step in summary["steps"] if step["section"] == "main" and step["requests"]]
    rows: list[tuple[Any, dict[str, str]]] = [(summary["all"], {}), *((step, _labels(step)) for step in steps)]
    lines: list[str] = []
    for name, told, of in _metrics():
        found = [(labels, value) for step, labels in rows if (value := of(step)) is not None]
        if found:
            lines += [f"# HELP {name} {told}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_written(labels)} {value!r}" for labels, value in found]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _metrics() -> Iterator[tuple[str, str, Any]]:
    for name in _TIMES:
        yield (
            f"loadcore_response_{name}_seconds",
            f"Response time, {name}.",
            lambda step, name=name: _seconds(step["response"][f"{name}_ns"]),
        )
    yield "loadcore_error_ratio", "Errors, of the requests that ended their step.", lambda step: step["error_rate"]
    yield "loadcore_requests_per_second", "Requests answered per second.", lambda step: step["requests_per_s"]


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9


def _labels(step: Mapping[str, Any]) -> dict[str, str]:
    return {"scenario": str(step["scenario"]), "step": str(step["name"])}


def _written(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{','.join(pairs)}}}"


def _escaped(value: str) -> str:
    return one_line(value).replace("\\", "\\\\").replace('"', '\\"')

"""The metrics that a command exports while it runs something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadcore.cli.option_values import address
from loadcore.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.cli.console import Console
    from loadcore.cli.settings import Settings
    from loadcore.telemetry.exporting import Exporter


def exporters_of(settings: Settings, name: str, console: Console, tell: Callable[[str], object]) -> list[Exporter]:
    """What exports the metrics of a run, as its settings ask for.

    Args:
        settings: Of the command.
        name: What the run is called.
        console: Gets the address of what can be scraped.
        tell: Gets a sentence while the run lasts.

    Raises:
        UsageError: A package is missing, or an address cannot be listened on.
    """
    found: list[Exporter] = []
    for setting, extra in (("prometheus", "prometheus"), ("otlp", "otel"), ("remote_write", "remote-write")):
        value = settings.get(setting)
        if value is not None:
            _require(setting, extra)
            try:
                found.append(_exporter(setting, str(value), name, console, tell))
            except BaseException:
                for each in found:
                    each.close()
                raise
    return found


def _exporter(setting: str, value: str, name: str, console: Console, tell: Callable[[str], object]) -> Exporter:
    if setting == "prometheus":
        from loadcore.telemetry.prometheus import Scraped

        scraped = Scraped(*address(value), name)
        console.note(f"metrics for Prometheus: {scraped.address}")
        return scraped
    from loadcore.telemetry.pushed import Pushed, otlp, remote_write

    if setting == "otlp":
        resource = {"service.name": "loadcore", "loadcore.run.name": name}
        return Pushed(otlp(value), resource, tell, where=value)
    return Pushed(remote_write(value), {"job": "loadcore", "run": name}, tell, where=value, conventional=False)


def _require(setting: str, extra: str) -> None:
    from loadcore.wording import extras

    if missing := extras.missing(extra):
        hint = f"install what it needs: {extras.install_command(extra)}"
        raise UsageError(f"--{setting.replace('_', '-')} needs {' and '.join(missing)}", hint=hint)

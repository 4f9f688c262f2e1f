"""Locust's own options, as its own parser reads them. Runs where Locust may be imported."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any, Final

from locust import argument_parser

from loadcore.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WEB: Final = ("web_host", "web_port", "web_base_path", "web_host_display_name", "web_login", "tls_cert", "tls_key")
"""Options of the web interface. In files and variables of Locust they are for runs with it, and are ignored."""
_WEB_TOO: Final = ("class_picker", "build_path", "headful", "autostart", "autoquit")
MACHINES: Final = ("master", "worker", "master_bind_host", "master_bind_port", "master_host", "master_port")
"""Options for several machines."""
_MACHINES_TOO: Final = ("expect_workers", "expect_workers_max_wait", "enable_rebalancing")
_LISTING: Final = ("list_commands", "show_task_ratio", "show_task_ratio_json")
_SILENT: Final = frozenset({"autostart", "autoquit"})
"""A run without a web interface starts by itself and ends by itself anyway."""
_ABOUT_OURS: Final = (
    "of loadcore's own options, Locust files take the long ones (--quiet, not -q), "
    "and those that come before -- if there is one"
)


def parse(path: str, arguments: Sequence[str]) -> Any:
    """The options, from the command line, `LOCUST_…`, `locust.conf` and `[tool.locust]`.

    The file must have been imported: it may have options of its own.

    Raises:
        UsageError: Locust's parser does not take them, or they ask for what loadcore does in another way.
    """
    parser = argument_parser.get_parser()
    parser.prog = "loadcore run"
    with _as_usage_error():
        options = parser.parse_args(["-f", path, *arguments])
    _refuse(options, set_elsewhere=_settings_of_files(parser))
    options.headless = True
    return options


def without_results(options: Any) -> None:
    """What a worker of several leaves to its master, as with Locust: the end, and files of results."""
    options.run_time = None
    options.csv_prefix = options.html_file = options.json_file = None
    options.stats_history_enabled = False
    options.print_stats = None


def _settings_of_files(parser: Any) -> set[str]:
    """The options that come from `LOCUST_…` variables, `locust.conf` or `pyproject.toml`."""
    return {
        action.dest
        for source, settings in parser.get_source_to_settings_dict().items()
        if source.startswith(("environment_variables", "config_file"))
        for action, _ in settings.values()
        if action is not None
    }


def _refuse(options: Any, *, set_elsewhere: set[str]) -> None:
    """Options that a run of loadcore does not have."""
    usual = argument_parser.default_args_dict()
    # What Locust takes for usual values includes the variables of the environment.
    asked = {name for name, value in usual.items() if getattr(options, name, value) != value}
    asked |= {name for name in set_elsewhere if getattr(options, name, None)}
    web = [_written(name) for name in (*WEB, *_WEB_TOO) if name in asked and name not in _SILENT | set_elsewhere]
    machines = [_written(name) for name in (*MACHINES, *_MACHINES_TOO) if name in asked]
    listing = [_written(name) for name in _LISTING if name in asked]
    problems = []
    if web:
        problems.append(f"{', '.join(web)}: loadcore runs Locust files without Locust's web interface")
    if machines:
        problems.append(f"{', '.join(machines)}: loadcore starts its processes itself: use --workers")
    if options.stats_history_enabled and options.csv_prefix is None:
        problems.append("--csv-full-history: it needs Locust's --csv: write -- --csv NAME --csv-full-history")
    if options.processes is not None and options.processes < -1:
        problems.append(f"--processes {options.processes}: expected a number of processes, or -1 for one per core")
    if listing:
        problems.append(f"{', '.join(listing)}: loadcore check lists classes, weights and tasks")
    if problems:
        raise UsageError(
            "\n".join(problems), hint="an option may also come from LOCUST_… variables, locust.conf or pyproject.toml"
        )


def _written(name: str) -> str:
    return {"list_commands": "--list"}.get(name, f"--{name.replace('_', '-')}")


@contextlib.contextmanager
def _as_usage_error() -> Iterator[None]:
    """What the parser would print before it exits."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            yield
    except SystemExit as exit_:
        text = said.getvalue().strip().removeprefix("loadcore run: error:").strip()
        hint = _ABOUT_OURS if "unrecognized" in text else None
        raise UsageError(text or f"Locust's parser ended with {exit_.code}", hint=hint) from None

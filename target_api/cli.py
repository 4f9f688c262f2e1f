"""`python -m loadcore_target`: serve the gateway, or write the seeded users as CSV."""

import argparse
import asyncio
import contextlib
import ipaddress
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from loadcore_target.serve import Supervisor
from loadcore_target.settings import Profile, Settings, unknown_variables
from loadcore_target.store.known_users import write_csv
from loadcore_target.temporary import temporary_folder
from loadcore_target.worker_process import StartError

_EXIT_CONFIG = 104
_EXIT_FAILED = 1
_HIGHEST_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["seed"]:
        return _seed(given[1:])
    if given[:1] == ["stub"]:
        from loadcore_target import stub  # noqa: PLC0415 - the gateway itself needs none of what it loads

        return stub.main(given[1:])
    return _serve(given)


def _seed(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m loadcore_target seed", description="Write username,password of the seeded users for a feeder."
    )
    parser.add_argument("--users", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--csv", type=Path, required=True, metavar="FILE", help="where to")
    options = parser.parse_args(arguments)
    with options.csv.open("w", encoding="utf-8", newline="") as file:
        write_csv(options.users, file)
    return 0


def _serve(arguments: list[str]) -> int:
    options = vars(serve_parser().parse_args(arguments))
    host, port, exit_with_parent = options.pop("host"), options.pop("port"), options.pop("exit_with_parent")
    chosen: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    unknown = unknown_variables(os.environ)
    if unknown:
        _complain(f"unknown setting {', '.join(unknown)}")
        return _EXIT_CONFIG
    try:
        settings = Settings(**chosen)
    except SettingsError as error:
        _complain(f"{error}; dictionaries are written as JSON")
        return _EXIT_CONFIG
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            where = ".".join(map(str, problem["loc"]))
            _complain(f"{where + ': ' if where else ''}{problem['msg'].removeprefix('Value error, ')}")
        return _EXIT_CONFIG
    if settings.profile is Profile.DEMO and not _is_loopback(host):
        _complain(
            f"anyone who can reach {host} can log in: passwords and client secret of the demo profile are public; "
            "listen on 127.0.0.1, or use --profile realistic"
        )
    given = settings.data_dir
    with contextlib.nullcontext(given) if given else temporary_folder() as data_dir:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        placed = settings.model_copy(update={"data_dir": data_dir})
        supervisor = Supervisor(placed, data_dir, host, port, sys.stdout, exit_with_parent=exit_with_parent)
        try:
            asyncio.run(supervisor.run())
        except StartError as error:
            _complain(str(error))
            return _EXIT_FAILED
    return 0


def serve_parser() -> argparse.ArgumentParser:
    """The options of the gateway itself."""
    parser = argparse.ArgumentParser(
        prog="python -m loadcore_target",
        description="The reference gateway. Every setting is also an environment variable GATEWAY_<NAME>.",
        epilog="`… seed --csv FILE` writes the users for a feeder; `… stub` runs the upstream alone.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    add("--port", type=port, default=8000, help="port, 0 for a free one (default 8000)")
    add("--workers", type=int, help="worker processes (default 1)")
    add("--profile", choices=["demo", "realistic"], help="demo: cheap password hash, own secrets (default)")
    add("--users", type=int, help="seeded users user-0000 … (default 1000)")
    add("--data-dir", type=Path, metavar="DIR", help="where the database lives (default: a temporary folder)")
    add("--items", type=int, help="seeded items (default 1000)")
    add("--seed", type=int, help="start of the fault sequence (default 1)")
    add("--latency", metavar="DIST", help="added time: 20ms, uniform(10ms,30ms), lognormal(20ms,0.3), …")
    add("--error-rate", metavar="SHARE", help="share of injected errors, like 1%%")
    add("--error-code", type=int, metavar="STATUS", help="status of an injected error (default 503)")
    add("--capacity", metavar="RATE", help="requests per second that get through, like 500/s")
    add("--stub", metavar="DIST", nargs="?", const="100ms", help="also run the upstream `stub`, answering after DIST")
    add("--exit-with-parent", action="store_true", help="stop when stdin closes")
    return parser


def port(text: str) -> int:
    """A port's number.

    Raises:
        argparse.ArgumentTypeError: It is not one.
    """
    if not text.isascii() or not text.isdigit() or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to {_HIGHEST_PORT}, got {text!r}")
    return int(text)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _complain(text: str) -> None:
    print(f"gateway: {text}", file=sys.stderr)  # noqa: T201 - the command's own voice

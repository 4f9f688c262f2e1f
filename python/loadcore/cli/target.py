"""`loadcore target`: the reference gateway on this machine, to try things on."""

import json
import os
import shutil
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from loadcore.cli import gateway
from loadcore.cli.console import standard
from loadcore.cli.gateway import Gateway
from loadcore.cli.options import Json
from loadcore.errors import ExitCode

DEFAULT_PORT = 8080
FOLDER_PREFIX = "loadcore-target-"


class Proxy(StrEnum):
    """The balancers that there are."""

    HAPROXY = "haproxy"
    NGINX = "nginx"


class Cache(StrEnum):
    """Where answers are cached: in each worker, or in one place for all."""

    MEMORY = "memory"
    REDIS = "redis"


class Db(StrEnum):
    """Where users and orders are kept."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


app = typer.Typer(
    help="Starts and stops the reference gateway on 127.0.0.1.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one.")] = DEFAULT_PORT,
    workers: Annotated[int, typer.Option(min=1, help="Its processes.")] = 1,
    users: Annotated[int, typer.Option(min=0, help="Accounts user-0000, user-0001 … with password-0000 …")] = 1000,
    latency: Annotated[str, typer.Option(help='Added to answers: "20ms", "lognormal(20ms,0.3)".')] = "",
    error_rate: Annotated[str, typer.Option(help='Share of answers that are errors: "1%".')] = "",
    capacity: Annotated[str, typer.Option(help='Most requests it serves: "500/s".')] = "",
    replicas: Annotated[int, typer.Option(min=1, max=8, help="Gateways behind a balancer.")] = 1,
    proxy: Annotated[Proxy | None, typer.Option(help="The balancer; haproxy if there are replicas.")] = None,
    cache: Annotated[Cache, typer.Option(help="Where answers are cached.")] = Cache.MEMORY,
    db: Annotated[Db, typer.Option(help="Where users and orders are kept.")] = Db.SQLITE,
    monitoring: Annotated[bool, typer.Option("--monitoring", help="Also a Prometheus with alerts.")] = False,
    autoscale: Annotated[
        str, typer.Option(metavar="MIN:MAX", help="Adds and removes replicas by requests in flight.")
    ] = "",
    as_json: Json = False,
) -> int:
    """Starts the gateway and leaves it running.

    It runs until `loadcore target down`. If it is up already it is left as it is, and its address is printed.
    """
    known = _known()
    if known is not None and known.running:
        return _tell(known, users, as_json=as_json, already=True)
    _forget(known)
    arguments = ["--port", str(port), "--workers", str(workers), "--users", str(users)]
    wider = _wider(replicas, proxy, cache, db, autoscale, monitoring=monitoring)
    for option, value in (("--latency", latency), ("--error-rate", error_rate), ("--capacity", capacity)):
        arguments += [option, value] if value else []
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    try:
        if wider:
            started = gateway.start_stack([*wider, *arguments], folder)
        else:
            started = gateway.start([*arguments, "--profile", "demo"], folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    remember(started)
    return _tell(started, users, as_json=as_json)


@app.command()
def down() -> int:
    """Stops all that `loadcore target up` started. Touches no other process."""
    known = _known()
    stopped = known is not None and gateway.stop(known)
    _forget(known)
    standard().result(f"target at {known.url} is down" if known and stopped else "no target is running")
    return ExitCode.PASS


@app.command()
def status(as_json: Json = False) -> int:
    """Says whether the gateway runs, and where."""
    known = _known()
    running = known if known and known.running else None
    if as_json:
        standard().result(json.dumps(_facts(running) if running else {"running": False}))
    else:
        standard().result(f"target up at {running.url} (PID {running.pid})" if running else "no target is running")
        if running:
            _list_services(running)
    return ExitCode.PASS


def _tell(running: Gateway, users: int, *, as_json: bool, already: bool = False) -> int:
    """Says where the gateway is."""
    console = standard()
    if as_json:
        console.result(json.dumps(_facts(running)))
        return ExitCode.PASS
    console.result(f"target up at {running.url} (PID {running.pid})")
    _list_services(running)
    if already:
        console.note("it was up already, as it was started; for another one: loadcore target down")
        return ExitCode.PASS
    if users:
        console.note(f"accounts: user-0000 to user-{users - 1:04}, passwords password-0000 to password-{users - 1:04}")
    console.note("stop it: loadcore target down")
    return ExitCode.PASS


def state_file() -> Path:
    """Where the running target is written down: a folder of this user only, gone after a restart if there is one."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(runtime) / "loadcore" / "target.json" if runtime else cache / "loadcore" / "target.json"


def _wider(replicas: int, proxy: Proxy | None, cache: Cache, db: Db, autoscale: str, *, monitoring: bool) -> list[str]:
    """The options of a target of several processes; none for a single gateway."""
    arguments = ["--replicas", str(replicas)] if replicas > 1 else []
    arguments += ["--proxy", proxy] if proxy else []
    arguments += ["--cache", cache] if cache is not Cache.MEMORY else []
    arguments += ["--db", db] if db is not Db.SQLITE else []
    arguments += ["--autoscale", autoscale] if autoscale else []
    return arguments + (["--monitoring"] if monitoring else [])


def _facts(running: Gateway) -> dict[str, object]:
    """What `--json` says of a target that runs."""
    facts: dict[str, object] = {"running": True, "url": running.url, "pid": running.pid}
    services = gateway.services(running)
    if services:
        facts["folder"] = running.folder
        facts["services"] = [{key: each[key] for key in ("name", "pid", "url")} for each in services]
    return facts


def _list_services(running: Gateway) -> None:
    """A line for each service of a target that has several."""
    for service in gateway.services(running):
        standard().note(f"  {service['name']:<12} {service['url']} (PID {service['pid']})")


def _known() -> Gateway | None:
    """The gateway of the state file, whether it still runs or not."""
    try:
        return Gateway(**json.loads(state_file().read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def remember(started: Gateway) -> None:
    """Writes a gateway down as the one that `loadcore target down` stops."""
    path = state_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written by rename, readable for this user only: it holds the token that opens the gateway's counters.
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(started.to_json(), encoding="utf-8")
    partial.replace(path)


def _forget(known: Gateway | None) -> None:
    """Removes what a stopped gateway left behind: its folder and the state file."""
    state_file().unlink(missing_ok=True)
    if known is not None and Path(known.folder).name.startswith(FOLDER_PREFIX):
        shutil.rmtree(known.folder, ignore_errors=True)

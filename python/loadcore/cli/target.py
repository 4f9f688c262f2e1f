"""`loadcore target`: the reference gateway on this machine, to try things on."""

import json
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from loadcore.cli import gateway, target_folder, target_state
from loadcore.cli.console import standard
from loadcore.cli.gateway import Gateway
from loadcore.cli.options import GatewayWorkers, Json
from loadcore.errors import ExitCode, UsageError

DEFAULT_PORT = 8080


class Proxy(StrEnum):
    """The balancers to choose from."""

    HAPROXY = "haproxy"
    NGINX = "nginx"


class Cache(StrEnum):
    """Where answers are cached: in each worker, or in one place for all."""

    MEMORY = "memory"
    REDIS = "redis"


class Db(StrEnum):
    """Where to store users and orders."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


app = typer.Typer(
    help="Starts and stops the reference gateway on 127.0.0.1.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def up(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one.")] = DEFAULT_PORT,
    gateway_workers: GatewayWorkers = 1,
    accounts: Annotated[
        int, typer.Option(min=0, help="Number of accounts: user-0000, user-0001 … with password-0000 …")
    ] = 1000,
    latency: Annotated[str, typer.Option(help='Delay to add to responses: "20ms", "lognormal(20ms,0.3)".')] = "",
    error_rate: Annotated[str, typer.Option(help='Share of responses that are errors: "1%".')] = "",
    capacity: Annotated[str, typer.Option(help='Maximum rate to serve: "500/s".')] = "",
    replicas: Annotated[int, typer.Option(min=1, max=8, help="Number of gateways behind a balancer.")] = 1,
    proxy: Annotated[
        Proxy | None, typer.Option(help="Balancer to use; haproxy by default if there are replicas.")
    ] = None,
    cache: Annotated[Cache, typer.Option(help="Where to cache responses.")] = Cache.MEMORY,
    db: Annotated[Db, typer.Option(help="Where to store users and orders.")] = Db.SQLITE,
    monitoring: Annotated[bool, typer.Option("--monitoring", help="Also start a Prometheus with alerts.")] = False,
    autoscale: Annotated[
        str, typer.Option(metavar="MIN:MAX", help="Add and remove replicas by requests in flight.")
    ] = "",
    as_json: Json = False,
) -> int:
    """Starts the gateway and leaves it running.

    It runs until `loadcore target down`. If it is up already it is left as it is, and its address is printed; options
    that it was not started with are refused then.
    """
    arguments = ["--port", str(port), "--workers", str(gateway_workers), "--users", str(accounts)]
    wider = _wider(replicas, proxy, cache, db, autoscale, monitoring=monitoring)
    for option, value in (("--latency", latency), ("--error-rate", error_rate), ("--capacity", capacity)):
        arguments += [option, value] if value else []
    arguments = [*wider, *arguments] if wider else [*arguments, "--profile", "demo"]
    with target_state.claim() as note:
        known = target_state.known()
        if known is not None and known.running:
            _refuse_other_options(context, known, arguments)
            return _tell(known, accounts, as_json=as_json, already=True)
        target_state.forget(known)
        started = start(arguments, note, gateway.start_stack if wider else gateway.start)
    return _tell(started, accounts, as_json=as_json)


def start(arguments: Sequence[str], note: Callable[[Gateway], None], starter: Callable[..., Gateway]) -> Gateway:
    """Starts a target in a folder of its own. What does not start leaves nothing behind.

    Args:
        arguments: As of `gateway.start`.
        note: As of `gateway.start`.
        starter: `gateway.start` or `gateway.start_stack`.
    """
    folder = target_folder.new()
    try:
        return starter(arguments, folder, note)
    except BaseException:
        target_state.forget(None)
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _refuse_other_options(context: typer.Context, known: Gateway, arguments: list[str]) -> None:
    """A target that runs cannot be given options: who asks for others would measure what he did not ask for."""
    given = [
        name for name in context.params if (found := context.get_parameter_source(name)) and found.name != "DEFAULT"
    ]
    if set(given) - {"as_json"} and tuple(arguments) != known.arguments:
        message = f"a target is already up at {known.url or 'an address it has not reported yet'}, with other options"
        again = shlex.join(["loadcore", "target", "up", *_words(context, given)])
        raise UsageError(message, hint=f"stop it and start it again: loadcore target down; {again}")


def _words(context: typer.Context, given: Sequence[str]) -> Iterator[str]:
    """The options that were given, as they are written."""
    for option in context.command.params:
        value = context.params[option.name or ""]
        if option.name in given:
            yield option.opts[0]
            if not isinstance(value, bool):
                yield str(value)


@app.command()
def down() -> int:
    """Stops all that `loadcore target up` started. Touches no other process."""
    known = target_state.known()
    stopped = known is not None and gateway.stop(known)
    target_state.forget(known)
    standard().result(f"target {_where(known)} is down" if known and stopped else "no target is running")
    return ExitCode.PASS


@app.command()
def status(as_json: Json = False) -> int:
    """Says whether the gateway runs, and where."""
    known = target_state.known()
    running = known if known and known.running else None
    if as_json:
        standard().result(json.dumps(_facts(running) if running else {"running": False}))
    else:
        up_or_not = "up" if running and running.url else "starting"
        text = f"target {up_or_not} {_where(running)} (PID {running.pid})" if running else "no target is running"
        standard().result(text)
        if running:
            _list_services(running)
    return ExitCode.PASS


@app.command()
def token() -> int:
    """Prints the admin token of the gateway, and nothing else.

    It opens the counters and the faults:

    curl -H "Authorization: Bearer $(loadcore target token)" http://127.0.0.1:8080/_admin/truth
    """
    known = target_state.known()
    if known is None or not known.running or not known.admin_token:
        raise UsageError("no target is running", hint="start one: loadcore target up")
    standard().result(known.admin_token)
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
        console.note("it was already running with these options; to change them, stop it first: loadcore target down")
        return ExitCode.PASS
    if users:
        console.note(f"accounts: user-0000 to user-{users - 1:04}, passwords password-0000 to password-{users - 1:04}")
    console.note("its counters and faults: loadcore target token; stop it: loadcore target down")
    return ExitCode.PASS


def _wider(replicas: int, proxy: Proxy | None, cache: Cache, db: Db, autoscale: str, *, monitoring: bool) -> list[str]:
    """The options of a target of several processes; none for a single gateway."""
    arguments = ["--replicas", str(replicas)] if replicas > 1 else []
    arguments += ["--proxy", proxy] if proxy else []
    arguments += ["--cache", cache] if cache is not Cache.MEMORY else []
    arguments += ["--db", db] if db is not Db.SQLITE else []
    arguments += ["--autoscale", autoscale] if autoscale else []
    return arguments + (["--monitoring"] if monitoring else [])


def _where(running: Gateway) -> str:
    return f"at {running.url}" if running.url else "that has no address yet"


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

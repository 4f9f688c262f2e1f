"""`loadcore cluster`: schedulers, nodes, certificates and manifests for runs on many machines."""

import json
import math
import os
import shlex
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from loadcore.cli.cluster_options import DEFAULT_CERTS, Certs, Claim, Image, Nodes, NoTls, Secret, Ship
from loadcore.cli.console import standard
from loadcore.cli.options import Json
from loadcore.errors import ExitCode, UsageError

DEFAULT_PORT = 8786

app = typer.Typer(help="Runs on many machines.", no_args_is_help=True, rich_markup_mode=None)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The scheduler: tls://host:8786.")]


@app.command()
def scheduler(
    listen: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = DEFAULT_PORT,
    certs: Certs = DEFAULT_CERTS,
    no_tls: NoTls = False,
) -> int:
    """Starts the scheduler: what nodes and runs connect to.

    With certificates (`loadcore cluster certs`) it takes tls:// only. Without them it
    listens on loopback addresses, or elsewhere with --no-tls.
    """
    from loadcore.cluster import dask_settings
    from loadcore.cluster.placement import is_loopback
    from loadcore.cluster.reach import require_own_address

    certificates = _certificates(certs, "scheduler", needed=not (is_loopback(listen) or no_tls))
    require_own_address(listen, port, "name another --port, or an address of this machine with --listen")
    scheme = "tcp" if certificates is None else "tls"
    host = f"[{listen}]" if ":" in listen else listen
    standard().note(f"scheduler at {scheme}://{host}:{port}; Ctrl-C ends it, and the nodes with it")
    return _replace_by(dask_settings.scheduler(listen, port, certificates))


@app.command()
def worker(
    address: Address,
    own_address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address of this machine that the others can reach.")
    ] = None,
    certs: Certs = DEFAULT_CERTS,
    no_tls: NoTls = False,
) -> int:
    """Makes this machine a node of a cluster.

    Start one on each machine. It waits for runs until it is ended, and whatever
    load it drives ends with it.
    """
    from loadcore.cluster import dask_settings
    from loadcore.cluster.agent import default_cache, make_cache
    from loadcore.cluster.placement import Cluster
    from loadcore.cluster.reach import require_own_address, wait_for_scheduler

    if why := Cluster(address, certs, no_tls).problems():
        raise UsageError(why.replace("--cluster ", "", 1))
    certificates = _certificates(certs, "node", needed=True) if address.startswith("tls:") else None
    folder = default_cache()
    make_cache(folder)
    if own_address is not None:
        require_own_address(own_address, 0, "name an address of this machine with --own-address")
    wait_for_scheduler(address, certificates, math.inf, standard().note)
    standard().note(f"a node of {address}; Ctrl-C ends it")
    return _replace_by(dask_settings.worker(address, own_address, str(folder), certificates))


@app.command()
def certs(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder to create.")] = DEFAULT_CERTS,
    days: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of days they are valid.")] = 365,
) -> int:
    """Makes an authority, and a certificate each for scheduler, nodes and drivers.

    Whoever holds one of them can run code on every node. ca.key makes further
    ones: keep it, and copy only what a machine needs.
    """
    from loadcore.cluster import certificates
    from loadcore.cluster.installed import require_extra

    require_extra()
    made = certificates.make(out, days)
    standard().result("\n".join(str(path) for path in made))
    return ExitCode.PASS


@app.command()
def env() -> int:
    """Prints the settings of Dask, for clusters that something else starts."""
    from loadcore.cluster.dask_settings import ENVIRONMENT

    standard().result("\n".join(f"export {name}={shlex.quote(value)}" for name, value in ENVIRONMENT.items()))
    return ExitCode.PASS


@app.command()
def status(address: Address, certs: Certs = DEFAULT_CERTS, no_tls: NoTls = False, as_json: Json = False) -> int:
    """Lists the nodes of a cluster, and what keeps one from taking part in a run."""
    from loadcore.cluster.placement import Cluster, link_to
    from loadcore.cluster.standing import standing, table

    cluster = Cluster(address, certs, no_tls)
    if why := cluster.problems():
        raise UsageError(why.replace("--cluster ", "", 1))
    link = link_to(cluster)
    try:
        nodes = standing(link)
    finally:
        link.close()
    standard().result(json.dumps({"nodes": nodes}, indent=2) if as_json else table(nodes))
    return ExitCode.CONFIG if any(node["problems"] for node in nodes) else ExitCode.PASS


@app.command()
def manifest(
    context: typer.Context,
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A scenario file.")],
    nodes: Nodes = 2,
    image: Image = None,
    namespace: Annotated[str, typer.Option(metavar="NAME", help="Namespace of the run.")] = "default",
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the job.")] = "loadcore",
    cpu: Annotated[str, typer.Option(metavar="CORES", help="Cores of each node.")] = "2",
    memory: Annotated[str, typer.Option(metavar="SIZE", help="Memory of each node.")] = "2Gi",
    arguments: Annotated[str, typer.Option(metavar="OPTIONS", help="Options of `loadcore run`, as one string.")] = "",
    secret: Secret = [],
    claim: Claim = None,
    ship: Ship = [],
) -> int:
    """Prints a Kubernetes manifest of one run: `kubectl apply -f -` starts it.

    An Indexed Job: the pod of index 0 runs the scheduler and the driver, and its
    exit code is the verdict; the others are nodes. Nothing is ever started again.
    """
    from loadcore.cluster.kubernetes import Job, rendered

    del context
    job = Job(
        name=name, namespace=namespace, image=image or "loadcore", nodes=nodes or 1, cpu=cpu, memory=memory,
        scenario=Path(scenario), arguments=tuple(shlex.split(arguments)), secrets=tuple(secret), claim=claim,
        shipped=tuple(ship),
    )  # fmt: skip
    standard().result(rendered(job).rstrip("\n"))
    return ExitCode.PASS


def _certificates(folder: Path, role: str, *, needed: bool) -> Any:  # noqa: ANN401 - imported when it is needed
    from loadcore.cluster.certificates import Certificates

    return Certificates.of(folder, role) if needed or (folder / f"{role}.pem").is_file() else None


def _replace_by(command: list[str]) -> NoReturn:
    """This process becomes Dask's: what ends it ends that, and nothing is between."""
    from loadcore.cluster.dask_settings import ENVIRONMENT
    from loadcore.cluster.installed import require_extra

    require_extra()
    os.execve(command[0], command, {**ENVIRONMENT, **os.environ})  # noqa: S606 - no shell

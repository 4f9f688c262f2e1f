"""The options of a run on many machines."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loadcore.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadcore.cluster.placement import Cluster

DEFAULT_CERTS = Path("cluster-certs")


class OnNodeLoss(StrEnum):
    """What the loss of a node does to a run."""

    CONTINUE = "continue"
    REBALANCE = "rebalance"
    ABORT = "abort"


Address = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        envvar="LOADCORE_CLUSTER",
        help="Run on the nodes of this scheduler: tls://host:8786, tcp://127.0.0.1:8786, or k8s://NAMESPACE.",
    ),
]
Certs = Annotated[
    Path, typer.Option("--certs", metavar="FOLDER", envvar="LOADCORE_CERTS", help="Certificates for tls://.")
]
NoTls = Annotated[
    bool,
    typer.Option("--no-tls", envvar="LOADCORE_NO_TLS", help="Allow tcp:// to other machines: no encryption."),
]
Nodes = Annotated[
    int | None,
    typer.Option(
        "--nodes", min=1, metavar="NUMBER", envvar="LOADCORE_NODES", help="Number of nodes that must be there."
    ),
]
NodesWithin = Annotated[
    str,
    typer.Option(
        "--nodes-within",
        metavar="DURATION",
        envvar="LOADCORE_NODES_WITHIN",
        help="How long to wait for --nodes.",
    ),
]
LeaveOutNode = Annotated[
    list[str],
    typer.Option(
        "--leave-out-node",
        metavar="NODE",
        help="Leave this node out: of the run, or of the report of one. May be repeated.",
    ),
]
NodeLoss = Annotated[
    OnNodeLoss,
    typer.Option(
        "--on-node-loss",
        envvar="LOADCORE_ON_NODE_LOSS",
        help="What a run does without a lost node: continue, have the others carry on its share, or abort.",
    ),
]
MaxLostShare = Annotated[
    str,
    typer.Option(
        "--max-lost-share",
        metavar="SHARE",
        envvar="LOADCORE_MAX_LOST_SHARE",
        help="The share of the workers that a run may lose before it ends.",
    ),
]
Ship = Annotated[
    list[Path],
    typer.Option(
        "--ship", metavar="PATH", help="A file or folder that the scenario reads on each node. May be repeated."
    ),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URI",
        envvar="LOADCORE_STORE",
        help="Where nodes put their rows instead of sending them here: s3://…, gs://…, file:///….",
    ),
]


Image = Annotated[
    str | None,
    typer.Option(
        "--image",
        metavar="IMAGE",
        envvar="LOADCORE_IMAGE",
        help="Container image with `loadcore[cluster]`, for Kubernetes.",
    ),
]
Secret = Annotated[
    list[str],
    typer.Option(
        "--secret",
        metavar="NAME",
        help="On Kubernetes: a Secret whose keys the pods get as variables. May be repeated.",
    ),
]
Claim = Annotated[
    str | None,
    typer.Option(
        "--claim",
        metavar="NAME",
        envvar="LOADCORE_CLAIM",
        help="On Kubernetes: a PersistentVolumeClaim that keeps the run folder.",
    ),
]


class OnNodes:
    """Many machines."""

    cluster: Address = None
    certs: Certs = DEFAULT_CERTS
    no_tls: NoTls = False
    nodes: Nodes = None
    nodes_within: NodesWithin = "1m"
    leave_out_node: LeaveOutNode = []  # noqa: RUF012 - read by the parser only
    on_node_loss: NodeLoss = OnNodeLoss.CONTINUE
    max_lost_share: MaxLostShare = "25%"
    ship: Ship = []  # noqa: RUF012 - read by the parser only
    store: Store = None
    image: Image = None
    secret: Secret = []  # noqa: RUF012 - read by the parser only
    claim: Claim = None


def cluster_of(parameters: "Mapping[str, Any]") -> "Cluster | None":
    """The cluster that the options of a command name; None for this machine.

    Raises:
        UsageError: They make no sense.
    """
    if parameters.get("cluster") is None:
        used = [
            f"--{name.replace('_', '-')}"
            for name in ("store", "ship", "leave_out_node", "nodes", "secret", "claim")
            if parameters.get(name)
        ]
        if used:
            raise UsageError(f"{', '.join(used)} needs --cluster: without it the run is on this machine alone")
        return None
    if of_pods := [f"--{name}" for name in ("secret", "claim") if parameters.get(name)]:
        raise UsageError(f"{', '.join(of_pods)} is for k8s://: nodes that run already take no volumes")
    from loadcore.cluster.placement import Cluster as Described
    from loadcore.cluster.policy import Policy

    described = Described(
        address=parameters["cluster"],
        certs=parameters["certs"],
        insecure=parameters["no_tls"],
        nodes=parameters["nodes"],
        nodes_within_s=_seconds(parameters["nodes_within"]),
        leave_out=tuple(parameters["leave_out_node"]),
        shipped=tuple(parameters["ship"]),
        policy=Policy(
            on_node_loss=parameters["on_node_loss"].value,
            max_lost_share=_share(parameters["max_lost_share"]),
            store=parameters["store"],
        ),
    )
    if why := described.problems():
        raise UsageError(why)
    return described


def _seconds(text: str) -> float:
    from loadcore.wording.units import parse_duration

    try:
        return parse_duration(text) / 1e9
    except ValueError as problem:
        raise UsageError(f"--nodes-within {problem}") from None


def _share(text: str) -> float:
    number = text.removesuffix("%")
    try:
        share = float(number) / 100
    except ValueError:
        share = -1.0
    if not text.endswith("%") or not 0 <= share <= 1:
        raise UsageError(f'--max-lost-share "{text}" is not a share: write 25%')
    return share

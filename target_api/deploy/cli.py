"""`python -m loadcore_target.deploy`: the scaled-out gateway as local processes.

Prints one line of JSON when all services are ready, and stops them when it gets SIGTERM.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from loadcore_target.deploy.autoscale import TARGET, Scaling
from loadcore_target.deploy.balancers import SLOTS
from loadcore_target.deploy.choice import Choice
from loadcore_target.deploy.packages import MissingError
from loadcore_target.deploy.process import ServiceError
from loadcore_target.deploy.stack import Stack

_EXIT_FAILED = 1
_EXIT_MISSING = 69


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a stack until SIGTERM and returns the exit code."""
    parser = _parser()
    options, gateway = parser.parse_known_args(arguments)
    scaling: Scaling | None = options.autoscale
    replicas = scaling.least if scaling else options.replicas
    if (replicas > 1 or scaling) and not options.proxy:
        options.proxy = "haproxy"
    if scaling and options.proxy != "haproxy":
        parser.error("--autoscale needs --proxy haproxy: it scales by the requests that HAProxy counts")
    choice = Choice(
        folder=options.folder,
        port=options.port,
        replicas=replicas,
        proxy=options.proxy,
        redis=options.cache == "redis",
        postgres=options.db == "postgres",
        monitoring=options.monitoring,
        scaling=scaling,
        gateway=gateway,
    )
    try:
        asyncio.run(_run(choice))
    except MissingError as error:
        _complain(str(error))
        return _EXIT_MISSING
    except ServiceError as error:
        _complain(str(error))
        return _EXIT_FAILED
    return 0


async def _run(choice: Choice) -> None:
    stack = Stack(choice)
    async with stack.running():
        sys.stdout.write(json.dumps(stack.facts) + "\n")
        sys.stdout.flush()
        await stack.until_stopped()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadcore_target.deploy",
        description="Runs the scaled-out gateway as local processes. Other options are the gateway's own.",
    )
    add = parser.add_argument
    add("--folder", type=Path, required=True, metavar="DIR", help="folder for all state; must exist")
    add("--port", type=int, default=0, help="where clients send their requests; 0 for a free port")
    add("--replicas", type=_replicas, default=1, help="gateways behind the balancer (default 1)")
    add("--proxy", choices=["haproxy", "nginx"], default="", help="the balancer (haproxy if there are replicas)")
    add("--cache", choices=["memory", "redis"], default="memory")
    add("--db", choices=["sqlite", "postgres"], default="sqlite")
    add("--monitoring", action="store_true", help="also a Prometheus with the alert rules")
    add("--autoscale", type=_scaling, metavar="MIN:MAX[:TARGET]", help="by requests in flight per replica (default 8)")
    return parser


def _replicas(text: str) -> int:
    count = int(text)
    if not 1 <= count <= SLOTS:
        raise argparse.ArgumentTypeError(f"between 1 and {SLOTS} replicas")
    return count


def _scaling(text: str) -> Scaling:
    least, _, rest = text.partition(":")
    most, _, target = rest.partition(":")
    try:
        scaling = Scaling(int(least), int(most), float(target or TARGET))
    except ValueError:
        raise argparse.ArgumentTypeError('expected MIN:MAX, as in "1:4", or MIN:MAX:TARGET') from None
    if not 1 <= scaling.least <= scaling.most <= SLOTS or scaling.target <= 0:
        raise argparse.ArgumentTypeError(f"expected 1 <= MIN <= MAX <= {SLOTS} and a target above 0")
    return scaling


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - the command's own voice

"""`loadcore run SCENARIO --cluster k8s://NAMESPACE`: applies the manifest of the run and exits as pod 0 does."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from loadcore.cli.console import standard
from loadcore.errors import UsageError

_HERE = frozenset(
    {"scenario", "cluster", "image", "certs", "no_tls", "nodes", "nodes_within", "ship", "out", "quiet", "color"}
)
"""What is not handed on: it is about this machine, or the manifest has it."""


def run_there(context: typer.Context, scenario: str) -> int:
    """Runs a scenario in a namespace.

    Raises:
        UsageError: The namespace or the image is missing.
        RunError: The cluster refuses.
    """
    from loadcore.cluster.kubectl import run_on_kubernetes
    from loadcore.cluster.kubernetes import Job
    from loadcore.results.run_folder import new_run_id

    parameters = context.params
    namespace = urlsplit(parameters["cluster"]).hostname
    if not namespace:
        raise UsageError("k8s:// needs a namespace: write --cluster k8s://load-tests")
    if not parameters["image"]:
        raise UsageError("k8s:// needs an image with `loadcore[cluster]`: name it with --image")
    job = Job(
        name=f"loadcore-{new_run_id()[-8:].lower()}",
        namespace=namespace,
        image=parameters["image"],
        nodes=parameters["nodes"] or 2,
        cpu="2",
        memory="2Gi",
        scenario=Path(scenario),
        arguments=tuple(_handed_on(context)),
        shipped=tuple(parameters["ship"]),
    )
    return run_on_kubernetes(job, standard().note)


def _handed_on(context: typer.Context) -> list[str]:
    """The options that were typed, as words for the command in the pod."""
    words: list[str] = []
    for option in context.command.params:
        name = option.name or ""
        source = context.get_parameter_source(name)
        if name in _HERE or source is None or source.name != "COMMANDLINE":
            continue
        words += _words(option, context.params[name])
    return words


def _words(option: Any, value: Any) -> list[str]:  # noqa: ANN401 - of typer, and of many types
    long = next((each for each in option.opts if each.startswith("--")), option.opts[0])
    if isinstance(value, bool):
        return [long if value else option.secondary_opts[0]] if value or option.secondary_opts else []
    values = value if isinstance(value, list | tuple) else [value]
    return [word for each in values for word in (long, str(getattr(each, "value", each)))]

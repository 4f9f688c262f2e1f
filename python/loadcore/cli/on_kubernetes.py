"""`loadcore run SCENARIO --cluster k8s://NAMESPACE`: applies the manifest of the run and exits as pod 0 does."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

from loadcore.cli.console import standard
from loadcore.cli.option_values import source_of
from loadcore.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = frozenset(
    {"scenario", "cluster", "image", "secret", "claim", "certs", "no_tls", "nodes", "nodes_within", "ship"}
    | {"quiet", "color", "progress"}
)
"""What is not handed on: it is about this machine, or the manifest has it."""
_WRITTEN = ("out", "html", "markdown", "junit", "gitlab_metrics", "benchmark", "csv", "parquet", "save_baseline")
"""What is written where the run is: into a pod, which is deleted after the run."""
_NOT_THERE = ("ui", "baseline", "target_pid")
"""What needs this machine."""


def run_there(context: typer.Context, scenario: str, config: Path | None) -> int:
    """Runs a scenario in a namespace. `config` is a file of settings that this machine has.

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
    _require_possible(parameters)
    if config is not None:
        standard().note(f"{config.name} is not read in pods: give its settings as options or variables")
    job = Job(
        name=f"loadcore-{new_run_id()[-8:].lower()}",
        namespace=namespace,
        image=parameters["image"],
        nodes=parameters["nodes"] or 2,
        cpu="2",
        memory="2Gi",
        scenario=Path(scenario),
        arguments=tuple(_handed_on(context)),
        secrets=tuple(parameters["secret"]),
        claim=parameters["claim"],
        shipped=tuple(parameters["ship"]),
    )
    return run_on_kubernetes(job, standard().note)


def _require_possible(parameters: "Mapping[str, Any]") -> None:
    """Refuse what would be done in a pod and lost with it, or cannot be done there at all."""
    here = [_option(name) for name in _NOT_THERE if parameters.get(name)]
    if here:
        raise UsageError(f"{', '.join(here)} is for runs of this machine, and with k8s:// the run is in a pod")
    written = [_option(name) for name in _WRITTEN if parameters.get(name)]
    if written and not parameters["claim"]:
        raise UsageError(
            f"{', '.join(written)}: with k8s:// it would be written in a pod, and deleted with it",
            hint="keep the run folder with --claim NAME, a PersistentVolumeClaim",
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _handed_on(context: typer.Context) -> list[str]:
    """The options that were typed, or set as variables, as words for the command in the pod."""
    words: list[str] = []
    for option in context.command.params:
        name = option.name or ""
        if name not in _HERE and source_of(context, option, context.params[name]) is not None:
            words += _words(option, context.params[name])
    return words


def _words(option: Any, value: Any) -> list[str]:  # noqa: ANN401 - of typer, and of many types
    long = next((each for each in option.opts if each.startswith("--")), option.opts[0])
    if isinstance(value, bool):
        return [long if value else option.secondary_opts[0]] if value or option.secondary_opts else []
    values = value if isinstance(value, list | tuple) else [value]
    return [word for each in values for word in (long, str(getattr(each, "value", each)))]

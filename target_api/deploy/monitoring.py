"""What Prometheus needs as a local process: the same configuration, with replicas found in files and not by name."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from loadcore_target.deploy.ports import HOST
from loadcore_target.deploy.topology import FOLDER

_TARGETS = "targets"
CONFIGURATION = FOLDER / "prometheus" / "prometheus.yml"
RULES = FOLDER / "prometheus" / "rules.yml"


def write_configuration(folder: Path, jobs: Sequence[str]) -> None:
    """Writes the configuration of a local Prometheus, which finds replicas in files and not by name.

    Args:
        folder: Where to.
        jobs: Which services run; the others' jobs are left out.
    """
    (folder / _TARGETS).mkdir(exist_ok=True)
    shutil.copy(RULES, folder / RULES.name)
    text = yaml.safe_dump(localised(yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8")), jobs), sort_keys=False)
    (folder / CONFIGURATION.name).write_text(text, encoding="utf-8")


def localised(document: Mapping[str, Any], jobs: Sequence[str]) -> dict[str, Any]:
    """The configuration for local processes."""
    scrapes = []
    for scrape in document["scrape_configs"]:
        if scrape["job_name"] in jobs:
            kept = {key: value for key, value in scrape.items() if key != "dns_sd_configs"}
            files = [f"{_TARGETS}/{scrape['job_name']}.json"]
            scrapes.append({**kept, "file_sd_configs": [{"files": files, "refresh_interval": "1s"}]})
    return {**document, "scrape_configs": scrapes}


def write_targets(folder: Path, job: str, ports: Sequence[int]) -> None:
    """Says where the processes of a job listen; Prometheus notices by itself."""
    path = folder / _TARGETS / f"{job}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps([{"targets": [f"{HOST}:{port}" for port in ports]}]), encoding="utf-8")
    partial.replace(path)

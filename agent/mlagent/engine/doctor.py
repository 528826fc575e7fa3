"""What this machine has and lacks, stage by stage, as the catalog declares it."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Literal

import msgspec

from mlagent.core.stage import Stage
from mlagent.engine.child import STANDALONE
from mlagent.engine.workspace import Workspace

ENGINE, CLUSTER = "/var/run/docker.sock", "~/.kube/config"


class Finding(msgspec.Struct, frozen=True):
    """One need of one stage; `optional` needs have another way when they are absent."""

    stage: str
    need: str
    state: Literal["found", "missing", "optional"]
    detail: str


def examine(stages: Sequence[Stage], *, own_worker: bool = True) -> list[Finding]:
    """Look at this machine; nothing is imported, started or asked over the network.

    Without `own_worker` the team's code has an environment of its own, and what it needs is not looked for here.
    """
    return [finding for stage in stages for finding in _stage(stage, own_worker=own_worker)]


def examine_store(workspace: Workspace) -> Finding:
    """Whether the store can decide between two machines that write at once."""
    where = workspace.settings.sections["store"].url or "in .mlagent"
    if not workspace.shared:
        return Finding("store", "one machine", "found", f"{where}; set store.url to share it between build nodes")
    if workspace.store.atomic_swap:
        return Finding("store", "conditional writes", "found", where)
    detail = f"{where} has none: let only one build node use it at a time, or use a store that has (S3)"
    return Finding("store", "conditional writes", "optional", detail)


def examine_machine(environ: Mapping[str, str]) -> list[Finding]:
    """What the stages to come ask of a machine: an engine for images, and a cluster; none of today's needs them."""
    engine = environ.get("DOCKER_HOST") or (f"unix://{ENGINE}" if Path(ENGINE).exists() else "")
    cluster = environ.get("KUBECONFIG") or str(Path(CLUSTER).expanduser())
    there = any(Path(one).is_file() for one in cluster.split(os.pathsep))
    return [
        Finding("machine", "container engine", "found", engine)
        if engine
        else Finding("machine", "container engine", "optional", "none; apt-get install docker.io brings one"),
        Finding("machine", "Kubernetes cluster", "found", cluster)
        if there
        else Finding("machine", "Kubernetes cluster", "optional", f"none; KUBECONFIG, or {CLUSTER}, names one"),
    ]


def _stage(stage: Stage, *, own_worker: bool) -> Iterator[Finding]:
    for package in stage.needs.packages:
        if package.extra == "worker" and not own_worker and package.module not in STANDALONE:
            continue
        if util.find_spec(package.module) is None:
            yield Finding(stage.name, package.module, "missing", f"pip install 'mlagent[{package.extra}]'")
        else:
            yield Finding(stage.name, package.module, "found", _version(package.module))
    if stage.needs.gpu:
        driver = shutil.which("nvidia-smi")
        detail = driver or "trains on the CPU; a node with an NVIDIA driver would be used by itself"
        yield Finding(stage.name, "gpu", "found" if driver else "optional", detail)


def _version(module: str) -> str:
    try:
        return metadata.version(module)
    except metadata.PackageNotFoundError:
        return "its version is not recorded"

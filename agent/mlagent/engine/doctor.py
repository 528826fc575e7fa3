"""What this machine has and lacks, stage by stage, as the catalog declares it."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Literal

import msgspec

from mlagent.core.stage import Stage
from mlagent.engine import clusters
from mlagent.engine.child import STANDALONE
from mlagent.engine.workspace import Workspace

NO_ENGINE = "without one the load test of an image is inconclusive (11), and production refuses that image"
ENGINE = "/var/run/docker.sock"


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


def examine_environments(workspace: Workspace, environ: Mapping[str, str]) -> list[Finding]:
    """For each environment that is set up: which cluster and context it means on this machine; nothing is asked."""
    found = clusters.of_environments(workspace.settings.sections, workspace.project, environ)
    return [Finding(f"deploy@{name}", "Kubernetes cluster", state, detail) for name, state, detail in found]


def examine_machine(environ: Mapping[str, str]) -> list[Finding]:
    """What may be asked of a machine besides packages: an engine for images, cosign, and a cluster."""
    return [
        _engine(environ.get("DOCKER_HOST") or f"unix://{ENGINE}"),
        _cosign(environ.get("PATH", os.defpath)),
        _cluster(environ),
    ]


def _cluster(environ: Mapping[str, str]) -> Finding:
    """Which one its own kubeconfig means; it is not asked."""
    state, detail = clusters.of_machine(environ)
    return Finding("machine", "Kubernetes cluster", state, detail)


def _cosign(path: str) -> Finding:
    """The program that signs and verifies, where its callers look for it."""
    found = shutil.which("cosign", path=path)
    detail = found or "none on the search path: sign and verify need it; apt-get install cosign (Debian 13) brings one"
    return Finding("machine", "cosign", "found" if found else "optional", detail)


def _engine(address: str) -> Finding:
    """Whether the address looks like one that can be used; it is not asked."""
    kind, _, rest = address.partition("://")
    if kind != "unix":
        here = re.match(r"(localhost|127\.0\.0\.1)(:|$)", rest)
        said = address if here else f"{address} is on another machine; {NO_ENGINE}"
    elif not Path(rest).exists():
        said = f"none at {address}; {NO_ENGINE}: apt-get install docker.io brings one"
    elif not os.access(rest, os.R_OK | os.W_OK):
        said = f"this user may not ask {address}; {NO_ENGINE}: add it to the group docker"
    else:
        said = address
    return Finding("machine", "container engine", "found" if said == address else "optional", said)


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

"""One container under production's limits, locked down, on a bridge of its own that leads nowhere else."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import docker
import requests
from docker.errors import DockerException
from docker.models.containers import Container
from docker.types import LogConfig

from mlagent.adapters.engine import holder, leftovers, refusals
from mlagent.core.ports.engine import Limits, Served, State

SERVES, WATCHES = "8000/tcp", "8001/tcp"
LOOPBACK = "127.0.0.1"
NO_WAY_OUT = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
KILLED = 137
MIB = 1 << 20
_NUMBERS = itertools.count(1)


@contextmanager
def started(client: docker.DockerClient, image: str, limits: Limits, run: str) -> Iterator[Served]:
    """Start it; container and network are removed whatever happens in the block.

    Each has a name of its own: a process may serve several of one run beside each other.
    """
    name = f"{holder.PREFIX}-{run}-{holder.own()}-{next(_NUMBERS)}"
    try:
        with refusals.told():
            client.networks.create(name, driver="bridge", options=NO_WAY_OUT, labels=leftovers.labels(run))
            container = client.containers.create(image, name=name, network=name, **_options(limits, run))
            container.start()
            container.reload()
        yield DockerServed(container)
    finally:
        leftovers.remove(lambda: client.containers.get(name).remove(force=True, v=True))
        leftovers.remove(lambda: client.networks.get(name).remove())


def _options(limits: Limits, run: str) -> dict[str, Any]:
    """What it is given, and that it is given nothing else: no proxy, no capability, no swap."""
    memory = f"{limits.memory_mb}m"
    return {
        "environment": dict(limits.variables),
        "nano_cpus": int(limits.cpus * 1e9),
        "mem_limit": memory,
        "memswap_limit": memory,
        "pids_limit": 512,
        "read_only": True,
        "tmpfs": {"/tmp": "size=64m"},  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "init": False,
        "ports": {SERVES: (LOOPBACK, None), WATCHES: (LOOPBACK, None)},
        "labels": leftovers.labels(run),
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "8m"}),
        "use_config_proxy": False,
    }


class DockerServed:
    """A running container of Docker's."""

    def __init__(self, container: Container) -> None:
        """Find where its ports are published; one that ended at once has none."""
        self._container = container
        self.url, self.metrics_url = self._address(SERVES), self._address(WATCHES)

    def state(self) -> State:
        """Ask the engine. A kill that nobody here asked for is the kernel's, for memory, though it be told late."""
        with refusals.told():
            self._container.reload()
            found = self._container.attrs["State"]
            if found["Running"]:
                return State(out_of_memory=found["OOMKilled"])
        code = found["ExitCode"]
        return State(exit_code=code, out_of_memory=found["OOMKilled"] or code == KILLED)

    def memory_mb(self) -> float | None:
        """As `docker stats` shows it, without page cache that goes when asked; the engine waits for its next look."""
        try:
            found = self._container.stats(stream=False, one_shot=True).get("memory_stats", {})
        except (DockerException, requests.RequestException):
            return None
        details = found.get("stats", {})
        cache = details.get("total_inactive_file", details.get("inactive_file", 0))
        return (found["usage"] - cache) / MIB if "usage" in found else None

    def said(self, lines: int) -> Sequence[str]:
        """Its newest lines; none where the engine has lost them."""
        try:
            said: bytes = self._container.logs(tail=lines)
        except (DockerException, requests.RequestException):
            return ()
        return said.decode(errors="replace").splitlines()

    def _address(self, port: str) -> str:
        published = self._container.ports.get(port)
        return f"http://{LOOPBACK}:{published[0]['HostPort']}" if published else ""

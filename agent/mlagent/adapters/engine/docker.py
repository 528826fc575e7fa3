"""The Engine port on Docker's engine, through its SDK; what speaks the same API (Podman's service) may do too."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import docker

from mlagent.adapters.engine import building, containers, holder, leftovers, refusals
from mlagent.core.ports.engine import About, Limits, NoEngine, Served
from mlagent.errors import InfrastructureError

MIB = 1 << 20
TIMEOUT_SECONDS = 120
UNREACHED = ("connection refused", "network is unreachable", "i/o timeout", "no route to host")


class DockerEngine:
    """The engine that DOCKER_HOST names, on this machine; close it when done."""

    def __init__(self) -> None:
        """Ask it for its API's version; NoEngine when none answers, or it is on another machine."""
        address = urlsplit(refusals.where())
        if address.scheme not in ("unix", "http+unix") and address.hostname not in ("localhost", "127.0.0.1"):
            raise NoEngine(
                f"the container engine {refusals.where()} is not on this machine: it can take no image from here, and"
                " what it serves is not on this machine's loopback",
                hint="run this stage on the engine's own machine, or unset DOCKER_HOST where there is one here",
            )
        refusals.knock()
        with refusals.told():
            self._client = docker.from_env(timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def about(self) -> About:
        """Its version, and what it has to give."""
        with refusals.told():
            version, info = self._client.version(), self._client.info()
        return About(
            version=version["Version"],
            platform=f"{version['Os']}/{version['Arch']}",
            cpus=info["NCPU"],
            memory_mb=info["MemTotal"] // MIB,
        )

    @contextmanager
    def pulled(self, host: str, manifest: str) -> Iterator[str]:
        """Pull under a name of this process's own, so that taking it away takes nobody else's."""
        name = f"{host}/{leftovers.IMAGES}/{holder.own()}"
        with refusals.told():
            leftovers.sweep(self._client)
        with leftovers.kept(self._client, f"{name}@{manifest}") as image:
            with refusals.told():
                self._pull(name, manifest)
            yield image

    def _pull(self, name: str, manifest: str) -> None:
        """No login goes along: whoever serves it here asks for none."""
        for line in self._client.api.pull(name, tag=manifest, stream=True, decode=True, auth_config={}):
            said = str(line.get("error", ""))
            if any(one in said.lower() for one in UNREACHED):
                raise _unreached(said)
            if said:
                raise InfrastructureError(
                    f"the container engine could not take the image: {said}",
                    hint="free some of the disk that the engine keeps images on: docker system df says what takes it"
                    if "no space left" in said
                    else "give the same command again; the engine's own log says more (journalctl -u docker)",
                )

    @contextmanager
    def serving(self, image: str, limits: Limits, run: str) -> Iterator[Served]:
        """See the port; NoEngine where this machine has less than the limits."""
        about = self.about()
        if limits.cpus > about.cpus or limits.memory_mb > about.memory_mb:
            raise NoEngine(
                f"this machine has {about.cpus} processors and {about.memory_mb} MiB, and a server is given"
                f" {limits.cpus:g} and {limits.memory_mb} MiB",
                hint="take a node that has what production gives, or lower serving.cpus or serving.memory_mb",
            )
        with containers.started(self._client, image, limits, run) as served:
            yield served

    @contextmanager
    def built(
        self, context: Path, dockerfile: str, arguments: Mapping[str, str], platform: str, say: Callable[[str], None]
    ) -> Iterator[str]:
        """See the port."""
        with refusals.told():
            leftovers.sweep(self._client)
        with building.built(self._client, context, dockerfile, arguments, platform, say) as image:
            yield image

    def export(self, image: str, folder: Path) -> tuple[Path, Sequence[Path]]:
        """See the port."""
        with refusals.told():
            return building.export(self._client, image, folder)


def _unreached(said: str) -> NoEngine:
    """It answers, but what listens on loopback here does not listen on its loopback."""
    return NoEngine(
        f"the container engine cannot reach this process: {said}",
        hint="rootless, in a virtual machine, or asked from within a container, it has another loopback than mlagent:"
        " run both on one machine, in the same network",
    )

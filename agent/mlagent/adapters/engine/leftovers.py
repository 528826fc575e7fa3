"""What a killed mlagent left with the engine is removed by the next one; what lives, and what is not ours, stays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import docker
import requests
from docker.errors import DockerException

from mlagent.adapters.engine import holder

LABEL = "mlagent.holder"
IMAGES = f"{holder.PREFIX}-image"  # what is built and pulled gets a name below it


def labels(run: str) -> dict[str, str]:
    """What marks a container or network as this process's."""
    return {LABEL: holder.own(), "mlagent.run": run}


def sweep(client: docker.DockerClient) -> None:
    """Remove what processes that are gone held: containers first, then networks and images that they used."""
    for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
        if holder.gone(container.labels[LABEL]):
            remove(partial(container.remove, force=True, v=True))
    for network in client.networks.list(filters={"label": LABEL}):
        if holder.gone(network.attrs["Labels"][LABEL]):
            remove(network.remove)
    for name in names(client):
        if f"{IMAGES}/" in name and holder.gone(name):
            remove(partial(client.images.remove, name))


def names(client: docker.DockerClient) -> Iterator[str]:
    """Names of all images, tags and digests."""
    for image in client.api.images():
        yield from (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ()))


def remove(action: Callable[[], object]) -> None:
    """Do it; what cannot be removed now, since it is used or the engine went away, is left to the next sweep."""
    with suppress(DockerException, requests.RequestException):
        action()


@contextmanager
def kept(client: docker.DockerClient, image: str) -> Iterator[str]:
    """The name of an image, which goes with the block; the image itself stays where it has other names."""
    try:
        yield image
    finally:
        remove(partial(client.images.remove, image))

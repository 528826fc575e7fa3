"""A folder with a Dockerfile to an image, told line by line, and an image to its pieces."""

import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import docker
from docker.errors import APIError

from mlagent.adapters.engine import holder, leftovers, refusals
from mlagent.core.ports.engine import BuildFailed

STEP = "Step "
MADE = re.compile(r"^ ---> ([0-9a-f]{12})$")
SAVED = "saved.tar"


@contextmanager
def built(
    client: docker.DockerClient,
    context: Path,
    dockerfile: str,
    arguments: Mapping[str, str],
    platform: str,
    say: Callable[[str], None],
) -> Iterator[str]:
    """Build it; the image, its steps' containers and their images go with the block. BuildFailed names the step."""
    name = f"{leftovers.IMAGES}/{holder.own()}:built"
    with refusals.told():
        before = frozenset(client.api.images(all=True, quiet=True))
    made: list[str] = []
    try:
        with refusals.told():
            for line in _lines(_answers(client, name, context, dockerfile, arguments, platform)):
                made += MADE.findall(line)
                say(line)
        yield name
    finally:
        leftovers.remove(partial(client.images.remove, name))
        for one in reversed(made):
            leftovers.remove(partial(_forget, client, one, before))


def _answers(
    client: docker.DockerClient,
    name: str,
    context: Path,
    dockerfile: str,
    arguments: Mapping[str, str],
    platform: str,
) -> Iterator[dict[str, Any]]:
    try:
        yield from client.api.build(
            path=str(context),
            dockerfile=dockerfile,
            tag=name,
            buildargs=dict(arguments),
            platform=platform,
            rm=True,
            forcerm=True,
            decode=True,
        )
    except APIError as error:
        if error.status_code != 400:
            raise
        raise BuildFailed(f"{dockerfile}: {error.explanation}") from error


def _forget(client: docker.DockerClient, image: str, before: frozenset[str]) -> None:
    """Remove an image of a step, unless it was there before or has a name."""
    found = client.api.inspect_image(image)
    if found["Id"] not in before and not found["RepoTags"] and not found["RepoDigests"]:
        client.images.remove(image)


def _lines(answers: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Whole lines of the engine's output, which comes in pieces; BuildFailed with the step and what it says."""
    rest, step = "", "before its first step"
    for answer in answers:
        if "error" in answer:
            raise BuildFailed(f"{step}: {str(answer['error']).strip()}")
        *lines, rest = (rest + str(answer.get("stream") or "")).split("\n")
        for line in filter(None, map(str.rstrip, lines)):
            step = line if line.startswith(STEP) else step
            yield line
    if rest:
        yield rest


def export(client: docker.DockerClient, image: str, folder: Path) -> tuple[Path, Sequence[Path]]:
    """Save it, and take its configuration and layers out of that: old engines and new ones lay them differently."""
    saved = folder / SAVED
    with closing(client.api.get_image(image)) as chunks, saved.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
    with tarfile.open(saved) as tar:
        [listed] = json.load(_member(tar, "manifest.json"))
        config = _taken(tar, listed["Config"], folder / "config.json")
        layers = [_taken(tar, name, folder / f"layer-{number}.tar") for number, name in enumerate(listed["Layers"])]
    saved.unlink()
    return config, layers


def _taken(tar: tarfile.TarFile, name: str, to: Path) -> Path:
    with _member(tar, name) as source, to.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    return to


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """A file of the archive; a link, as a layer that is there twice is to old engines, gives what it leads to."""
    return cast("IO[bytes]", tar.extractfile(name))

"""A folder with a Dockerfile to an image, told line by line, and an image to its pieces."""

import json
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, cast

import docker
from docker.errors import APIError

from mlagent.core.ports.engine import BuildFailed

STEP = "Step "
SAVED = "saved.tar"


def build(
    client: docker.DockerClient,
    name: str,
    context: Path,
    dockerfile: str,
    arguments: Mapping[str, str],
    platform: str,
    say: Callable[[str], None],
) -> None:
    """Build it under a name; containers of its steps go, however they end. BuildFailed names the step."""
    try:
        answers = client.api.build(
            path=str(context),
            dockerfile=dockerfile,
            tag=name,
            buildargs=dict(arguments),
            platform=platform,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for line in _lines(answers):
            say(line)
    except APIError as error:
        if error.status_code != 400:
            raise
        raise BuildFailed(f"{dockerfile}: {error.explanation}") from error


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

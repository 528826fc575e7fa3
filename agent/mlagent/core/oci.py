"""Images in the words of the OCI specifications: what a reference names, and the documents an image is made of."""

import re
from typing import Any

import msgspec

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY, NOTHING = "application/vnd.oci.empty.v1+json", b"{}"  # the configuration of what needs none
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
HUB = "docker.io"

_NAME = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_NAME}(?:/{_NAME})*", re.ASCII)
_REFERENCE = re.compile(
    rf"(?:(?P<host>[A-Za-z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)/)?(?P<path>{_NAME}(?:/{_NAME})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Where an image lies: `host[:port]/path`, and a tag, a digest, both or neither."""

    host: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @property
    def repository(self) -> str:
        """Without tag and digest."""
        return f"{self.host}/{self.path}"

    @property
    def loopback(self) -> bool:
        """Whether the registry is on this machine, so that nothing it is told goes over a wire."""
        return bool(re.fullmatch(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?", self.host))

    def __str__(self) -> str:
        """As people write it."""
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Reference:
    """Read a reference as Docker does: without a host it is Docker Hub's; ValueError says what is wrong with it."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise _no_reference(text)
    host, path = found["host"], found["path"]
    if host and host != "localhost" and not re.search(r"[.:\]]", host):
        host, path = None, f"{host}/{path}"
        if not _PATH.fullmatch(path):
            raise _no_reference(text)
    if host in (None, "index.docker.io", "registry-1.docker.io"):
        host = HUB
    if host == HUB and "/" not in path:
        path = f"library/{path}"
    return Reference(host=str(host), path=path, tag=found["tag"], digest=found["digest"])


def _no_reference(text: str) -> ValueError:
    return ValueError(f"{text!r} is no image reference: host[:port]/path[:tag][@sha256:…], the path in small letters")


class Platform(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an image runs on."""

    architecture: str
    os: str
    variant: str = ""


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A piece of an image by its digest; `size` in bytes."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] = {}
    platform: Platform | None = None
    artifact_type: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An image of one platform: its configuration and its layers, the lowest first.

    What is no image has an artifact type; what is about an image names it as its subject.
    """

    schema_version: int
    media_type: str = ""
    artifact_type: str = ""
    config: Descriptor
    layers: list[Descriptor]
    subject: Descriptor | None = None
    annotations: dict[str, str] = {}


class Index(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One image for several platforms."""

    schema_version: int
    media_type: str = ""
    manifests: list[Descriptor]
    annotations: dict[str, str] = {}


Configuration = dict[str, Any]
"""What is in a configuration: architecture, os, config (Env, Entrypoint, …), rootfs, history; kept as it was found."""

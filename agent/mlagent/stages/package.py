"""Pack the model with its server and frozen dependencies into a container image, the same bytes for the same inputs."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from mlagent.config.secret import Secret

DEFAULT_BASE = (
    "docker.io/library/python:3.11-slim-bookworm"
    "@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b"
)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the image stands on, for which platform, and who builds it."""

    LEFT_OUT: ClassVar = {"cache", "wheelhouse", "base_username", "base_password", "base_ca"}

    base: Annotated[
        str | None,
        Meta(
            description="What it stands on, by digest, or `oci:FOLDER`, an image layout; null: the official Python"
            " image where registry.repository says where images go, else no image is made."
        ),
    ] = None
    base_username: Annotated[
        str | None, Meta(description="Who asks for it; null takes what Docker's configuration has.")
    ] = None
    base_password: Annotated[Secret | None, Meta(description="That user's password, as a reference.")] = None
    base_ca: Annotated[
        str | None, Meta(description="A file of certificates (PEM) to trust for its registry besides the system's.")
    ] = None
    platform: Annotated[Literal["linux/amd64", "linux/arm64"], Meta(description="What the image runs on.")] = (
        "linux/amd64"
    )
    python: Annotated[str, Meta(pattern=r"^3\.\d+$", description="The version of Python that the base has.")] = "3.11"
    lock: Annotated[
        str, Meta(min_length=1, description="The frozen serving environment; `mlagent package --relock` renews it.")
    ] = "serving.lock"
    builder: Annotated[
        Literal["daemonless", "docker"],
        Meta(description="Who builds: mlagent itself, the same bytes each time, or a Docker engine."),
    ] = "daemonless"
    dockerfile: Annotated[
        str | None, Meta(description="For `builder: docker`, your own; its folder is the context.")
    ] = None
    wheelhouse: Annotated[
        str | None, Meta(description="A folder of wheels to lock and install from, without a package index.")
    ] = None
    cache: Annotated[
        str | None,
        Meta(description="A folder of this node in which builds share pieces of images; null: .mlagent/images."),
    ] = None

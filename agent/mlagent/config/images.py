"""The sections about images: the registry they go to, and what one is given where it is served."""

from typing import Annotated

import msgspec
from msgspec import Meta

from mlagent.config.secret import Secret
from mlagent.core import oci


class Registry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The container registry that images are pushed to, and who asks; without credentials here, Docker's are used."""

    repository: Annotated[
        str | None, Meta(description="Where images go, without a tag: ghcr.io/acme/risk; null pushes none.")
    ] = None
    username: Annotated[str | None, Meta(description="The user name; null takes what Docker's configuration has.")] = (
        None
    )
    password: Annotated[Secret | None, Meta(description="That user's password or access token, as a reference.")] = None
    token: Annotated[Secret | None, Meta(description="Instead of both: a bearer token, as a reference.")] = None
    ca: Annotated[
        str | None, Meta(description="A file of certificates (PEM) to trust for this registry besides the system's.")
    ] = None
    plain_http: Annotated[
        bool, Meta(description="Speak HTTP without TLS to a registry that is not on this machine.")
    ] = False

    def __post_init__(self) -> None:
        """Refuse what names no repository, and half of a login."""
        if self.repository is not None:
            found = oci.parse(self.repository)
            if found.tag or found.digest:
                message = f"repository {self.repository!r} has a tag or digest: name where images go, without either"
                raise ValueError(message)
            if found.host == oci.HUB and found.path.startswith("library/"):  # Docker's own
                message = f"repository {self.repository!r} has no owner: write host[:port]/path, or OWNER/NAME"
                raise ValueError(message)
        if (self.username is None) != (self.password is None):
            message = "username and password go together: give both, or neither"
            raise ValueError(message)
        if self.token and self.password:
            message = "token and password are two ways to say who asks: give one of them"
            raise ValueError(message)


class Serving(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a server is given, in the load test of the image as in production."""

    cpus: Annotated[float, Meta(ge=0.1, le=256, description="Processors for one server.")] = 1.0
    memory_mb: Annotated[
        int, Meta(ge=64, le=1_048_576, description="Memory for one server, in MiB; above it the system ends it.")
    ] = 1024
    start_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="A server that is not ready by then never gets ready.")
    ] = 60.0

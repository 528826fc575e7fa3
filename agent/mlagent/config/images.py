"""The sections about images: the registry they go to, and what one is given where it is served."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

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


Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class Serving(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a server is given, and how it uses that: in the load test of the image as in production."""

    VARIABLE: ClassVar = "MLAGENT_SERVING_"
    GIVEN: ClassVar = ("cpus", "memory_mb", "start_seconds")  # by the engine or the cluster, not by a variable

    cpus: Annotated[float, Meta(ge=0.1, le=256, description="Processors for one server.")] = 1.0
    memory_mb: Annotated[
        int, Meta(ge=64, le=1_048_576, description="Memory for one server, in MiB; above it the system ends it.")
    ] = 1024
    start_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="A server that is not ready by then never gets ready.")
    ] = 60.0
    device: Annotated[
        Literal["cpu", "cuda"], Meta(description="Where the model computes; cuda wants `gpus` in each environment.")
    ] = "cpu"
    allow_cpu: Annotated[
        bool, Meta(description="With cuda: serve on the CPU where that cannot be had, instead of not starting.")
    ] = False
    profile: Annotated[
        Literal["throughput", "latency"],
        Meta(description="What processors are used for: many answers at a time, or one answer sooner."),
    ] = "throughput"
    processes: Annotated[
        Annotated[int, Meta(ge=1, le=256)] | None,
        Meta(description="That share the port; null: as profile and model want."),
    ] = None
    queue: Annotated[Count, Meta(description="Requests that may wait for the model; more are told to come again.")] = (
        512
    )
    rows_limit: Annotated[Count, Meta(description="Rows of one request; more are refused.")] = 65_536
    batch_rows: Annotated[
        Count | None, Meta(description="Most rows computed at once; 1: each request alone; null: as measured.")
    ] = None
    batch_window_ms: Annotated[
        float, Meta(ge=0, le=1000, description="How long to wait for a fuller batch; 0 waits for none.")
    ] = 0.0
    deadline_seconds: Annotated[
        float, Meta(ge=0, le=3600, description="A request not answered by then gets a 504; 0 sets no deadline.")
    ] = 30.0
    client_seconds: Annotated[
        float,
        Meta(gt=0, le=86_400, description="A connection is closed after about so long: load spreads over new pods."),
    ] = 300.0
    access_log: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="The share of requests that are logged, and every one that failed; null logs none."),
    ] = None

    def variables(self) -> Mapping[str, str]:
        """What the server is told of it, by variables: what differs from its own defaults, which are the same."""
        return {f"{self.VARIABLE}{name.upper()}": text for name, text in self._told().items()}

    def options(self) -> list[str]:
        """The same for a server that is a process of this machine: as options."""
        told = {"cpus": f"{self.cpus:g}", **self._told()}
        return [part for name, text in told.items() for part in (f"--{name.replace('_', '-')}", text)]

    def _told(self) -> Mapping[str, str]:
        fields = {one.name: one.default for one in msgspec.structs.fields(self) if one.name not in self.GIVEN}
        told = {name: getattr(self, name) for name, default in fields.items() if getattr(self, name) != default}
        return {name: _spelled(value) for name, value in sorted(told.items())}


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)

"""Where a release comes from, as SLSA provenance v1: who built it, from which commit, data, parameters and parts.

https://slsa.dev/spec/v1.0/provenance. It claims level 2 at most: the build's own node writes it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mlagent.core import digest
from mlagent.core.context import Done, Origin
from mlagent.core.digest import Digest
from mlagent.core.oci import Manifest
from mlagent.trust import plain

TYPE = "https://slsa.dev/provenance/v1"
BUILD = "urn:mlagent:build:v1"
COMMIT = "gitCommit"
MODEL, LOCK, SERVER = "io.mlagent.model.digest", "io.mlagent.lock.digest", "io.mlagent.server.digest"
BASE, BASE_NAME = "org.opencontainers.image.base.digest", "org.opencontainers.image.base.name"
NAME = "org.opencontainers.image.title"
AFTERWARDS = ("push", "sign", "release")  # these tell of the image, and did not make it


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What the build was asked for: `config` is the digest of its configuration."""

    repository: str
    commit: str
    job: str
    config: Digest


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A stage: what its result depends on (`key`), the digests it made, and the run that made them."""

    key: str | None
    outputs: dict[str, Digest]
    run: str


class Internal(msgspec.Struct, frozen=True, kw_only=True):
    """What the build was like: its number, whether the commit was changed before, each stage by name."""

    run: str
    build: int
    dirty: bool
    author: str
    stages: dict[str, Step]


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """Something that went in, digests in hex by algorithm."""

    name: str
    uri: str = ""
    digest: dict[str, str]


class Definition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was to be built of what."""

    build_type: str
    external_parameters: Parameters
    internal_parameters: Internal
    resolved_dependencies: tuple[Dependency, ...]

    def dependency(self, name: str) -> Digest:
        """The digest of a dependency, empty where it is not named."""
        found = (one.digest.get(digest.ALGORITHM) for one in self.resolved_dependencies if one.name == name)
        return next((f"{digest.ALGORITHM}:{one}" for one in found if one), "")


class Builder(msgspec.Struct, frozen=True, kw_only=True):
    """Who built it."""

    id: str


class Metadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which build it was, and since when (RFC 3339)."""

    invocation_id: str
    started_on: str


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """By whom, and when."""

    builder: Builder
    metadata: Metadata


class Provenance(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The predicate."""

    build_definition: Definition
    run_details: Details

    @property
    def builder(self) -> str:
        """Who built it."""
        return self.run_details.builder.id

    @property
    def internal(self) -> Internal:
        """What the build was like."""
        return self.build_definition.internal_parameters


def makers(done: Iterable[Done]) -> list[Done]:
    """The stages that made and judged the image, of those that are done."""
    return [one for one in done if one.stage not in AFTERWARDS]


def of(origin: Origin, done: Iterable[Done], run: str, image: Manifest) -> Provenance:
    """Of the image with this manifest."""
    stages = {one.stage: Step(key=one.key, outputs=dict(one.outputs), run=one.made_by) for one in done}
    asked = Parameters(repository=origin.repository, commit=origin.commit, job=origin.job, config=origin.config)
    made = Internal(run=run, build=origin.build, dirty=origin.dirty, author=origin.author, stages=stages)
    return Provenance(
        build_definition=Definition(
            build_type=BUILD,
            external_parameters=asked,
            internal_parameters=made,
            resolved_dependencies=tuple(_dependencies(origin, image)),
        ),
        run_details=Details(
            builder=Builder(id=origin.builder),
            metadata=Metadata(invocation_id=origin.url or f"{origin.builder}#{run}", started_on=origin.begun),
        ),
    )


def _dependencies(origin: Origin, image: Manifest) -> Iterable[Dependency]:
    if origin.commit:
        yield Dependency(name="commit", uri=f"git+{origin.repository}", digest={COMMIT: origin.commit})
    said = image.annotations
    base = said.get(BASE_NAME, "")
    found = (
        ("sources", "", origin.sources),
        ("data", "", origin.data),
        ("serving-lock", "", said.get(LOCK, "")),
        ("model", "", said.get(MODEL, "")),
        ("server", "", said.get(SERVER, "")),
        ("base", f"pkg:oci/{base}" if base else "", said.get(BASE, "")),
    )
    for name, uri, one in found:
        if one:
            yield Dependency(name=name, uri=uri or f"urn:mlagent:{name}", digest=dict([one.split(":", 1)]))


def parse(predicate: Mapping[str, Any]) -> Provenance:
    """Read the predicate of a statement; InputError (4) where it is none of ours."""
    return plain.convert(predicate, Provenance, "the provenance")

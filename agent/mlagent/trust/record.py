"""The release record: one document, named by its digest, that ties what was made to what it was made of and judged by.

It is canonical JSON, written once: the same run gives the same bytes, whichever build runs it again.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from mlagent import __version__
from mlagent.core import digest
from mlagent.core.context import Done, Origin
from mlagent.core.digest import Digest
from mlagent.errors import InputError
from mlagent.trust import plain

SCHEMA = 1
FILE = "release.json"
CIRCUMSTANCES = ("builder", "url", "job", "begun", "tools")  # of who wrote it; what is recorded is the same without


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image in its registry."""

    repository: Annotated[str, Meta(description="Where it lies: host/path.")]
    digest: Annotated[Digest, Meta(description="Of its manifest: the image's name.")]
    config: Annotated[Digest, Meta(description="Of its configuration.")]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict by its digest; the whole of it stands in `verdicts.json`."""

    stage: Annotated[str, Meta(description="The stage that judged.")]
    subject: Annotated[str, Meta(description="What was judged.")]
    outcome: Annotated[str, Meta(description="pass, fail, inconclusive or invalid.")]
    digest: Annotated[Digest, Meta(description="Of the verdict's canonical JSON.")]
    ended: Annotated[str, Meta(description="When, as RFC 3339 in UTC.")]


class Waived(msgspec.Struct, frozen=True, kw_only=True):
    """A check that somebody answers for."""

    subject: Annotated[str, Meta(description="The verdict in which it stands.")]
    check: Annotated[str, Meta(description="The check, as the verdict calls it.")]
    owner: Annotated[str, Meta(description="Who answers for it.")]
    reason: Annotated[str, Meta(description="Why.")]
    expires: Annotated[str, Meta(description="The last day, in UTC.")]


class Tracked(msgspec.Struct, frozen=True, kw_only=True):
    """Where MLflow has it: the experiment and registered model are called as the model is."""

    trained_by: Annotated[str, Meta(description="The training's tag `mlagent.run`; empty where none is known.")] = ""
    version: Annotated[int | None, Meta(description="The model's version, null where it was not registered.")] = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """All that a release rests on; what is not known is empty, an image that was not pushed null."""

    schema: Annotated[int, Meta(description="The version of this form.")] = SCHEMA
    model: Annotated[str, Meta(description="The project's name.")]
    run: Annotated[str, Meta(description="The run that made it.")]
    build: Annotated[int, Meta(description="Its place in the order of builds.")]
    builder: Annotated[str, Meta(description="Who ran mlagent.")]
    job: Annotated[str, Meta(description="The job in Jenkins.")]
    url: Annotated[str, Meta(description="The build's page.")]
    begun: Annotated[str, Meta(description="When the build began, as RFC 3339 in UTC.")]
    commit: Annotated[str, Meta(description="The commit it was built from.")]
    dirty: Annotated[bool, Meta(description="Whether there were changes that no commit has.")]
    author: Annotated[str, Meta(description="Who wrote the commit.")]
    repository: Annotated[str, Meta(description="Where the source lies.")]
    sources: Annotated[Digest, Meta(description="Of the source files that count.")]
    data: Annotated[Digest, Meta(description="Of the rows.")]
    config: Annotated[Digest, Meta(description="Of the configuration.")]
    lock: Annotated[Digest, Meta(description="Of the frozen serving environment.")]
    onnx: Annotated[Digest, Meta(description="Of the model that ships.")]
    evaluation: Annotated[Digest, Meta(description="Of evaluation.json, which holds every figure.")]
    image: Image | None
    provenance: Annotated[
        Digest, Meta(description="Of the provenance as attested, without `runDetails.metadata`; empty if unsigned.")
    ]
    sbom: Annotated[Digest, Meta(description="Of what is in the image (CycloneDX).")]
    signed_by: Annotated[str, Meta(description="Who signed the image; empty where nobody did.")]
    mlflow: Tracked
    verdicts: tuple[Judged, ...]
    waivers: tuple[Waived, ...]
    tools: Annotated[dict[str, str], Meta(description="Versions, by name: mlagent's, and those that verdicts name.")]

    @property
    def release(self) -> Digest:
        """What is brought to an environment: the image, where there is none the model."""
        return self.image.digest if self.image else self.onnx


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What the stages wrote down of the release, for its record; digests by artifact in `digests`."""

    digests: Mapping[str, Digest]
    image: Image | None = None
    provenance: Digest = ""
    signed_by: str = ""
    version: int | None = None


def of(model: str, run: str, origin: Origin, done: Iterable[Done], made: Made) -> Record:
    """The record of a run by the stages that made the release."""
    stages = tuple(done)
    trained = next((one.made_by for one in stages if one.stage == "train"), "")
    return Record(
        model=model,
        run=run,
        build=origin.build,
        builder=origin.builder,
        job=origin.job,
        url=origin.url,
        begun=origin.begun,
        commit=origin.commit,
        dirty=origin.dirty,
        author=origin.author,
        repository=origin.repository,
        sources=origin.sources,
        data=origin.data,
        config=origin.config,
        lock=made.digests.get("serving-lock", ""),
        onnx=made.digests["onnx"],
        evaluation=made.digests["evaluation"],
        image=made.image,
        provenance=made.provenance,
        sbom=made.digests.get("sbom", ""),
        signed_by=made.signed_by,
        mlflow=Tracked(trained_by=trained, version=made.version),
        verdicts=tuple(_judged(stages)),
        waivers=tuple(_waived(stages)),
        tools={"mlagent": __version__} | {name: one for name, one in sorted(_tools(stages)) if name != "mlagent"},
    )


def _judged(stages: Iterable[Done]) -> Iterable[Judged]:
    for one in stages:
        for verdict in one.verdicts:
            yield Judged(
                stage=one.stage,
                subject=verdict.subject,
                outcome=verdict.outcome,
                digest=digest.of_json(verdict),
                ended=one.ended,
            )


def _waived(stages: Iterable[Done]) -> Iterable[Waived]:
    for verdict in (verdict for one in stages for verdict in one.verdicts):
        for check in verdict.checks:
            if check.waiver:
                yield Waived(
                    subject=verdict.subject,
                    check=check.metric,
                    owner=check.waiver.owner,
                    reason=check.waiver.reason,
                    expires=check.waiver.expires.isoformat(),
                )


def _tools(stages: Iterable[Done]) -> Iterable[tuple[str, str]]:
    return (pair for one in stages for verdict in one.verdicts for pair in verdict.tools.items())


def same(one: Record, other: Record) -> bool:
    """Whether they record the same; which build of the run wrote them, and when, makes no difference."""
    nothing = {name: {} if name == "tools" else "" for name in CIRCUMSTANCES}
    return msgspec.structs.replace(one, **nothing) == msgspec.structs.replace(other, **nothing)


def write(record: Record) -> bytes:
    """Its canonical JSON, whose digest names it."""
    return digest.canonical_json(record)


def read(data: bytes) -> Record:
    """Read it back; InputError (4) for what is none, or of a newer mlagent."""
    found = plain.read(data, "the release record")
    version = found.get("schema") if isinstance(found, dict) else None
    if type(version) is not int:
        raise InputError("this is no release record: it names no schema", hint=f"`release` writes it as {FILE}")
    if version > SCHEMA:
        raise InputError(
            f"the release record was written by a newer mlagent (schema {version}; this one knows {SCHEMA})",
            hint="use that mlagent",
        )
    return plain.convert(found, Record, "the release record")

"""Write down, once, what a release is and rests on: its record, its card, its verdicts; beside the image, if any."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.config.sections import Data
    from mlagent.core.context import Context, Outputs
    from mlagent.core.oci import Descriptor, Manifest, Reference
    from mlagent.core.ports.images import ImageRegistry
    from mlagent.trust.record import Made, Record

RECORD, CARD, VERDICTS = "release.json", "model-card.md", "verdicts.json"
KIND = "application/vnd.mlagent.release.v1+json"
KINDS = {RECORD: KIND, CARD: "text/markdown", VERDICTS: "application/vnd.mlagent.verdicts.v1+json"}
TITLE, NAMED, OF = "org.opencontainers.image.title", "io.mlagent.record.digest", "io.mlagent.run"
WRITTEN = "record"  # the note of what was written first, which stands


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose: what the card says beside what was measured is in the `card:` section."""


class _Signed(msgspec.Struct, frozen=True):
    """What is read of `signed.json`."""

    by: str


class _Version(msgspec.Struct, frozen=True):
    """What is read of `version.json`."""

    number: int


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Write the three files; attach them to the image where one was pushed.

    Not of a pull request, nor where a stage was skipped.
    """
    from mlagent import adapters
    from mlagent.core.context import Outputs
    from mlagent.core.digest import short

    if "skipped" in ctx.labels:
        return Outputs(summary=f"no record is written of a run that skips a stage ({ctx.labels['skipped']})")
    if "pull_request" in ctx.labels:
        return Outputs(summary=f"no record is written of a pull request ({ctx.labels['pull_request']})")
    digest = written(inputs, ctx)
    said = f"release record {short(digest)} with its model card"
    if "pushed" not in inputs:
        return Outputs(summary=f"{said}: kept with the run, since no image was pushed")
    image, settings = _image(inputs, ctx), ctx.sections["registry"]
    with adapters.image_registry(image, settings, ctx.project, notice=ctx.log.warning) as registry:
        new = attached(registry, image, digest, inputs, ctx)
    return Outputs(summary=f"{said}: {'attached' if new else 'was attached already'} to {image}")


def written(inputs: "Mapping[str, Path]", ctx: "Context") -> str:
    """Leave the files; the record's digest. What this run wrote before stands, unless another thing is recorded now."""
    from mlagent.core.digest import canonical_json, of_bytes
    from mlagent.trust import provenance, record, verdicts

    done = provenance.makers(ctx.done)
    found = record.of(ctx.sections["project"].name, ctx.run_id, ctx.origin(), done, _made(inputs, ctx))
    found = _first(found, ctx)
    data = record.write(found)
    ctx.remember({**ctx.recall(), WRITTEN: data.decode()})
    (ctx.work / RECORD).write_bytes(data)
    (ctx.work / VERDICTS).write_bytes(canonical_json(verdicts.of(done)))
    (ctx.work / CARD).write_bytes(_card(found, inputs, ctx))
    return of_bytes(data)


def _first(found: "Record", ctx: "Context") -> "Record":
    """The record as it was written first, where that says the same."""
    from mlagent.errors import InputError
    from mlagent.trust import record

    try:
        before = record.read(str(ctx.recall()[WRITTEN]).encode())
    except (LookupError, InputError):  # there is none, or a newer mlagent wrote it
        return found
    return before if record.same(before, found) else found


def _made(inputs: "Mapping[str, Path]", ctx: "Context") -> "Made":
    from mlagent.trust.record import Image, Made

    signed = msgspec.json.decode(inputs["signed"].read_bytes(), type=_Signed).by if "signed" in inputs else ""
    version = inputs["version"].read_bytes() if "version" in inputs else None
    made = Made(
        digests=ctx.digests,
        signed_by=signed,
        version=msgspec.json.decode(version, type=_Version).number if version else None,
    )
    if "pushed" not in inputs:
        return made
    where, manifest = _image(inputs, ctx), _manifest(inputs)
    return msgspec.structs.replace(
        made,
        image=Image(repository=where.repository, digest=str(where.digest), config=manifest.config.digest),
        provenance=_provenance(manifest, ctx) if signed else "",
    )


def _provenance(manifest: "Manifest", ctx: "Context") -> str:
    """The digest of what `sign` attested, but for what is about one build of the run alone."""
    from mlagent.core.digest import of_bytes
    from mlagent.trust import provenance, stated

    built = provenance.of(ctx.origin(), provenance.makers(ctx.done), ctx.run_id, manifest)
    return of_bytes(stated.comparable(msgspec.to_builtins(built)))


def _card(found: "Record", inputs: "Mapping[str, Path]", ctx: "Context") -> bytes:
    from mlagent.trust import card, measured, provenance

    data: Data = ctx.sections["data"]
    return card.write(
        card.Known(
            record=found,
            evaluation=msgspec.json.decode(inputs["evaluation"].read_bytes(), type=measured.Evaluation),
            shape=msgspec.json.decode(inputs["shape"].read_bytes(), type=card.Shape),
            verdicts=[verdict for one in provenance.makers(ctx.done) for verdict in one.verdicts],
            said=ctx.sections["card"],
            target=data.target,
            divided=_divided(data),
        )
    )


def _divided(data: "Data") -> str:
    if data.test_path:
        return "The test rows are files of their own."
    if data.time:
        return f"Divided by time ({data.time}): the newest rows are the test."
    together = data.group or data.key
    return f"Divided by content; rows of one {together} stay together." if together else "Divided by content."


def _image(inputs: "Mapping[str, Path]", ctx: "Context") -> "Reference":
    from mlagent.core.digest import of_bytes
    from mlagent.core.oci import parse

    where = parse(ctx.sections["registry"].repository)
    return msgspec.structs.replace(where, digest=of_bytes(inputs["image"].read_bytes()))


def _manifest(inputs: "Mapping[str, Path]") -> "Manifest":
    from mlagent.core.oci import Manifest

    return msgspec.json.decode(inputs["image"].read_bytes(), type=Manifest)


def attached(
    registry: "ImageRegistry", image: "Reference", digest: str, inputs: "Mapping[str, Path]", ctx: "Context"
) -> bool:
    """Have the files beside the image, which must be there; False where they are already.

    InputError (4) when the image is gone.
    """
    from mlagent.core import oci
    from mlagent.core.digest import canonical_json, of_bytes
    from mlagent.errors import InputError

    if registry.manifest(image.path, str(image.digest)) is None:
        raise InputError(f"{image} is not there any more", hint="`mlagent push` puts it there")
    (ctx.work / ".empty").write_bytes(oci.NOTHING)
    empty, *layers = (_piece(ctx.work / name, kind) for name, kind in {".empty": oci.EMPTY, **KINDS}.items())
    about = inputs["image"].read_bytes()
    manifest = oci.Manifest(
        schema_version=2,
        media_type=oci.MANIFEST,
        artifact_type=KIND,
        config=empty,
        layers=layers,
        subject=oci.Descriptor(
            media_type=_manifest(inputs).media_type or oci.MANIFEST, digest=of_bytes(about), size=len(about)
        ),
        annotations={NAMED: digest, OF: ctx.run_id},
    )
    data = canonical_json(manifest)
    if of_bytes(data) in [one.digest for one in registry.referrers(image.path, str(image.digest), KIND)]:
        return False
    for name, piece in zip((".empty", *KINDS), (empty, *layers), strict=True):
        registry.push(image.path, piece.digest, (ctx.work / name).absolute)
    registry.refer(image.path, data)
    return True


def _piece(file: "Path", kind: str) -> "Descriptor":
    from mlagent.core.digest import of_file
    from mlagent.core.oci import Descriptor

    title = {TITLE: file.name} if file.name in KINDS else {}
    return Descriptor(media_type=kind, digest=of_file(file), size=file.stat().st_size, annotations=title)


STAGE = Stage(
    name="release",
    title="Write the release record",
    about="Ties source, data, lock, model, image, verdicts, provenance and version together in one record, named by its"
    " digest; writes the model card from it; attaches both, with all verdicts, to the image where one was pushed. The"
    " same run writes the same bytes, and nothing twice. Not of a pull request, nor where a stage is skipped.",
    config=Config,
    run=run,
    reads=("onnx", "shape", "evaluation", "version", "image", "sbom", "serving-lock", "pushed", "signed"),
    writes=(
        Artifact("release", RECORD, "the release record: all that the release rests on, by digest", optional=True),
        Artifact("card", CARD, "the model card, for people", optional=True),
        Artifact("verdicts", VERDICTS, "every verdict of the run, whole", optional=True),
    ),
    uses=("project", "registry", "card", "data"),
    holds=("registry.repository",),
    effect="publish",
    retries=2,
    needs=Needs(trusted_node=True, credentials=True),
    minutes=15,
)

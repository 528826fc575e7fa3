"""Put the image into its registry by digest, without a tag: only what is missing there travels; read it back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlagent.core.context import Context, Outputs
    from mlagent.core.oci import Descriptor, Manifest, Reference
    from mlagent.core.ports.images import ImageRegistry

BASE = "org.opencontainers.image.base.name"
AT_ONCE = 4


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose: where images go, and who asks, is in the `registry:` section."""


class Piece(msgspec.Struct, frozen=True):
    """One piece of the image; `moved` bytes were sent for it."""

    digest: str
    size: int
    how: str
    moved: int


class Pushed(msgspec.Struct, frozen=True):
    """What is in the registry, and what it took; `size` and `moved` in bytes."""

    repository: str
    digest: str
    media_type: str
    size: int
    moved: int
    pieces: list[Piece]


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Ask for the manifest, send what is missing, ask again.

    Not of a pull request, nor where a stage was skipped.
    """
    from mlagent import adapters
    from mlagent.core.context import Outputs
    from mlagent.core.digest import canonical_json
    from mlagent.core.oci import parse

    if "skipped" in ctx.labels:
        return Outputs(summary=f"nothing is pushed of a run that skips a stage ({ctx.labels['skipped']})")
    if "pull_request" in ctx.labels:
        return Outputs(summary=f"nothing is pushed of a pull request ({ctx.labels['pull_request']})")
    settings = ctx.sections["registry"]
    where = parse(settings.repository)
    with adapters.image_registry(where, settings, ctx.project, notice=ctx.log.warning) as registry:
        pushed = to(registry, where, inputs["image"].read_bytes(), ctx)
    (ctx.work / "pushed.json").write_bytes(canonical_json(pushed))
    return Outputs(summary=f"{pushed.repository}@{pushed.digest}: {_said(pushed)}")


def to(registry: "ImageRegistry", where: "Reference", data: bytes, ctx: "Context") -> Pushed:
    """Have the image of this manifest in the repository; InputError (4) when another comes back."""
    from mlagent.core import oci
    from mlagent.core.digest import of_bytes
    from mlagent.errors import InfrastructureError

    manifest, digest = msgspec.json.decode(data, type=oci.Manifest), of_bytes(data)
    kind, known = manifest.media_type or oci.MANIFEST, list({one.digest: one for one in _pieces(manifest)}.values())
    if registry.manifest(where.path, digest) is not None:
        pieces = [Piece(one.digest, one.size, "there", 0) for one in known]
    else:
        pieces = _send(registry, where, known, _lenders(manifest, where), ctx)
        registry.put_manifest(where.path, data, kind)
        if registry.manifest(where.path, digest) is None:
            raise InfrastructureError(
                f"{where.repository} took {digest}, and does not have it now",
                hint="does the registry run several times without shared storage? the same command tries again",
            )
    size = len(data) + sum(one.size for one in pieces)
    return Pushed(where.repository, digest, kind, size, sum(one.moved for one in pieces), pieces)


def _pieces(manifest: "Manifest") -> "list[Descriptor]":
    return [manifest.config, *manifest.layers]


def _lenders(manifest: "Manifest", where: "Reference") -> list[str]:
    """Repositories of the same registry that have some of the pieces: the base's."""
    from mlagent.core.oci import parse

    try:
        base = parse(manifest.annotations.get(BASE, ""))
    except ValueError:  # there is none, or it is no registry's
        return []
    return [base.path] if base.host == where.host else []


def _send(
    registry: "ImageRegistry", where: "Reference", pieces: "Sequence[Descriptor]", lenders: list[str], ctx: "Context"
) -> list[Piece]:
    """A few at a time, the largest first."""
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    from mlagent.core.digest import short

    parts = dict.fromkeys((one.digest for one in pieces), 0.0)
    largest = sorted(pieces, key=lambda one: -one.size)

    def told(one: "Descriptor", done: int, of: int) -> None:
        parts[one.digest] = done / max(of, 1)
        ctx.log.underway("pushing", sum(parts.values()), len(pieces))

    def send(one: "Descriptor") -> Piece:
        file = partial(ctx.blobs.path, one.digest)
        sent = registry.push(where.path, one.digest, file, lenders, partial(told, one))
        parts[one.digest] = 1.0
        return Piece(one.digest, one.size, sent.how, sent.bytes)

    found = []
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="push")
    try:
        for piece in pool.map(send, largest):
            found.append(piece)
            ctx.log.progress(f"{short(piece.digest)} {piece.how}", len(found), len(pieces))
    finally:
        pool.shutdown(cancel_futures=True)
    order = {one.digest: position for position, one in enumerate(pieces)}
    return sorted(found, key=lambda one: order[one.digest])


def _said(pushed: Pushed) -> str:
    new, lent = (sum(one.how == how for one in pushed.pieces) for how in ("uploaded", "mounted"))
    if not new and not lent:
        return "was there already"
    borrowed = f", {lent} lent by the base's repository" if lent else ""
    return f"{new} of {len(pushed.pieces)} pieces were new, {pushed.moved / 1e6:.1f} MB sent{borrowed}"


STAGE = Stage(
    name="push",
    title="Push the image",
    about="Puts the image into `registry.repository` by digest, without a tag: what the registry has, or another"
    " repository there can lend, does not travel; then reads it back. Off without `registry.repository`. Nothing is"
    " pushed where Jenkins builds a pull request (CHANGE_ID) or a stage is skipped (`stages.skip`).",
    config=Config,
    run=run,
    reads=("image",),
    writes=(
        Artifact(
            "pushed", "pushed.json", "repository and digest of the image, its pieces, what was sent", optional=True
        ),
    ),
    uses=("registry",),
    wants=("registry.repository",),
    effect="publish",
    retries=2,
    needs=Needs(trusted_node=True, credentials=True, packages=(Package("urllib3", "image"),)),
)

"""What serves in production, beside the candidate on the same node: had from the store, and never needed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from mlagent.core import oci
from mlagent.core.context import Context
from mlagent.core.digest import short
from mlagent.core.ports.engine import NoEngine
from mlagent.errors import InfrastructureError, InputError
from mlagent.ledger.moves import Moves
from mlagent.loadtest import functional, golden
from mlagent.loadtest.golden import Golden
from mlagent.loadtest.request import Target
from mlagent.stages.load_test.places import Image, Model, serving
from mlagent.stages.load_test.settings import Config

FACT, ALIAS = "production-model", "production"
GOLDEN, SAID = "golden-champion.jsonl", "champion.log"
ALONE = "judged by its limits alone, not beside production: "


class Champion(NamedTuple):
    """Where it can be asked; else None, and a note says why."""

    target: Target | None = None
    note: str = ""


@contextmanager
def champion(config: Config, inputs: Mapping[str, Path], ctx: Context, rows: Sequence[Golden]) -> Iterator[Champion]:
    """Serve what serves in production as long as the block lasts, where it can be had and takes these rows."""
    if config.champion == "off" or config.profile != "steady":
        yield Champion()
        return
    found = _image(ctx) if "image" in inputs else _model(inputs, ctx)
    if isinstance(found, str):
        yield Champion(note=ALONE + found)
        return
    with ExitStack() as held:
        yield _asked(config, found, ctx, rows, held)
        with suppress(InfrastructureError):  # one that fell over meanwhile shows in its answers
            held.close()


def _asked(config: Config, what: Image | Model, ctx: Context, rows: Sequence[Golden], held: ExitStack) -> Champion:
    """Start it, and ask it for each row once: whether it takes them, whatever it answers."""
    try:
        place = held.enter_context(serving(what, ctx))
    except (NoEngine, InfrastructureError, InputError) as error:
        return Champion(note=f"{ALONE}it could not be served here: {error.message}")
    if not place.url:
        return Champion(note=f"{ALONE}it never got ready here")
    open_ended = [msgspec.structs.replace(one, expected={}) for one in rows]
    url = place.url + functional.PATH
    refused = functional.check(
        Target(name="champion", url=url), open_ended, tolerance=1.0, timeout_seconds=config.timeout_seconds, real=True
    )
    if refused:
        return Champion(note=f"{ALONE}of golden row {refused.row} {refused.says} by what serves in production")
    file = ctx.work / GOLDEN
    golden.write(file, open_ended)
    return Champion(Target(name="champion", url=url, golden=str(file)))


def _image(ctx: Context) -> Image | str:
    """The image that the ledger says is in production, with all its pieces; else why there is none."""
    entry = Moves(ctx.ledger, ctx.sections["project"].name).newest(ALIAS)
    if entry is None:
        return "nothing is in production"
    release = entry.fact.release
    if release == ctx.digests["image"]:
        return "this very image is in production"
    called = f"what is in production ({short(release)})"
    if release == entry.fact.details.get("onnx"):
        return f"{called} is a model without an image"
    try:
        file = ctx.blobs.path(release)
        manifest = msgspec.json.decode(file.read_bytes(), type=oci.Manifest)
        for piece in (manifest.config, *manifest.layers):
            ctx.blobs.path(piece.digest)
    except (InputError, msgspec.DecodeError) as error:
        return f"the image of {called} is not kept in this store ({error})"
    return Image(file=file, manifest=release, said=SAID)


def _model(inputs: Mapping[str, Path], ctx: Context) -> Model | str:
    """The model that the registry says is in production, behind this one's signature; else why there is none."""
    known = ctx.facts.get(FACT, "")
    if not known:
        return "nothing is in production"
    if known == ctx.digests.get("onnx"):
        return "this very model is in production"
    path = ctx.references.get(FACT)
    if path is None:
        return f"the model in production cannot be had: {known}"
    return Model(onnx=path, signature=inputs["signature"], said=SAID)

"""Where a model is served for the test: in a container made from its image, or in a process beside mlagent."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import msgspec

from mlagent import adapters
from mlagent.adapters import layout_server
from mlagent.core import oci
from mlagent.core.context import Context
from mlagent.core.ports.engine import About, Engine, NoEngine
from mlagent.core.ports.engine import Limits as Given
from mlagent.loadtest.place import LINES, Container, Place, Process
from mlagent.loadtest.standing import Standing


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image by its manifest, in a file; its log goes into the file `said`."""

    file: Path
    manifest: str
    said: str = "server.log"


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """An exported model with its signature; its log goes into the file `said`."""

    onnx: Path
    signature: Path
    said: str = "server.log"


def serving(what: Image | Model, ctx: Context) -> AbstractContextManager[Place]:
    """Serve it as long as the block lasts; NoEngine where an image cannot be served here."""
    return container(what, ctx) if isinstance(what, Image) else process(what, ctx)


@contextmanager
def process(what: Model, ctx: Context) -> Iterator[Process]:
    """A model behind the server, beside mlagent."""
    name = ctx.sections["project"].name
    files = ["--model", str(what.onnx), "--signature", str(what.signature)]
    arguments = [*files, "--name", name, "--port", "0", "--metrics-port", "0"]
    arguments += ctx.sections["serving"].options()
    ready = (ctx.work / what.said).with_suffix(".json")
    with ctx.tools.serve("mlagent.serving", arguments, ready) as url:
        ctx.log.info(f"serving {name} at {url}")
        yield Process(url)


@contextmanager
def container(what: Image, ctx: Context) -> Iterator[Container]:
    """An image, by its digest, with what production gives it; the registry is up for the pull only."""
    given = ctx.sections["serving"]
    with ExitStack() as held:
        engine = held.enter_context(adapters.container_engine())
        begun, image = _pulled(engine, what, ctx, held)
        limits = Given(cpus=given.cpus, memory_mb=given.memory_mb, variables=given.variables())
        served = held.enter_context(engine.serving(image, limits, ctx.run_id))
        ctx.log.info(f"serving {begun.manifest} with {given.cpus:g} cpus and {given.memory_mb} MiB")
        try:
            place = held.enter_context(Container(served, begun))
            place.wait(given.start_seconds)
            yield place
            if place.standing().hint:
                for line in served.said(20):
                    ctx.log.output(line)
        finally:
            (ctx.work / what.said).write_text("".join(f"{line}\n" for line in served.said(LINES)))


def _pulled(engine: Engine, what: Image, ctx: Context, held: ExitStack) -> tuple[Standing, str]:
    """What will serve, and the engine's name for it, while `held` lasts; NoEngine for one of another platform."""
    given, about = ctx.sections["serving"], engine.about()
    manifest = msgspec.json.decode(what.file.read_bytes(), type=oci.Manifest)
    pieces = {one.digest: ctx.blobs.path(one.digest) for one in (manifest.config, *manifest.layers)}
    platform = _platform(pieces[manifest.config.digest], about)
    with layout_server.serving({**pieces, what.manifest: what.file}) as host:
        name = held.enter_context(engine.pulled(host, what.manifest))
    return Standing(
        engine=about.version,
        platform=platform,
        manifest=what.manifest,
        config=manifest.config.digest,
        cpus=given.cpus,
        memory_mb=given.memory_mb,
    ), name


def _platform(config: Path, about: About) -> str:
    found = msgspec.json.decode(config.read_bytes())
    platform = f"{found['os']}/{found['architecture']}"
    if platform != about.platform:
        raise NoEngine(
            f"the image is for {platform}, and the container engine here runs {about.platform}",
            hint=f"run this stage on a node of {platform}, or build for this one (package.platform)",
        )
    return platform

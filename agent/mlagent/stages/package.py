"""Pack the model with its server and frozen dependencies into a container image, the same bytes for the same inputs."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from mlagent.config.secret import Secret
from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mlagent.core.context import Context, Outputs
    from mlagent.core.oci import Descriptor
    from mlagent.image.assemble import Named
    from mlagent.image.base import Base, Opened, Source, Wanted
    from mlagent.image.dockerfile import Recipe
    from mlagent.image.layers import Layer
    from mlagent.image.lock import Lock
    from mlagent.image.uv import Target

MANIFEST, SBOM, LOCK = "manifest.json", "sbom.cdx.json", "serving.lock"
MEGA, LARGE = 1_000_000, 100  # bytes; MB of a model that is not packed at once

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

    def __post_init__(self) -> None:
        """Refuse half of a login, and a Dockerfile that nobody would build."""
        if (self.base_username is None) != (self.base_password is None):
            message = "base_username and base_password go together: give both, or neither"
            raise ValueError(message)
        if self.dockerfile and self.builder != "docker":
            message = "dockerfile is for `builder: docker`: set that as well, or unset dockerfile"
            raise ValueError(message)


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Freeze where nothing is frozen yet, then build."""
    from mlagent.core import digest
    from mlagent.image import freeze

    lock, said = freeze.ensure(
        ctx.project / config.lock,
        config.lock,
        _target(config, ctx),
        freeze.Here(ctx.tools, ctx.work, ctx.log),
        anew="relock" in ctx.asked,
    )
    (ctx.work / LOCK).write_text(lock.text())
    made = (_by_docker if config.builder == "docker" else _by_ourselves)(config, lock, said, inputs, ctx)
    return msgspec.structs.replace(made, facts={"serving-lock": digest.of_file(ctx.project / config.lock)})


def _by_ourselves(config: Config, lock: "Lock", said: str, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Without a daemon."""
    base, base_name = _base(config, ctx)
    python = base.inside.python(config.python, config.base or DEFAULT_BASE)
    ours = _layers(config, lock, inputs, ctx)
    return _put_together(_named(lock, base.digest, base_name, ctx), base, python, lock, ours, said, ctx)


def _target(config: Config, ctx: "Context") -> "Target":
    from pathlib import Path

    from mlagent.errors import ConfigError
    from mlagent.image.uv import Target

    wheelhouse = ctx.project / Path(config.wheelhouse).expanduser() if config.wheelhouse else None
    if wheelhouse and not wheelhouse.is_dir():
        raise ConfigError(f"package.wheelhouse is no folder: {wheelhouse}", hint="`pip download -d FOLDER …` fills one")
    return Target(config.platform, config.python, wheelhouse, ctx.sections["serving"].device)


def _base(config: Config, ctx: "Context") -> "tuple[Base, str]":
    """What the image stands on, and the name of its repository, where it has one."""
    from mlagent.image import base, layout

    name = config.base or DEFAULT_BASE
    if not name.startswith(layout.SCHEME):
        wanted, where, opened = _remote(config, name, ctx)
        return base.find(wanted, opened, ctx.blobs, ctx.log), where
    source, wanted = layout.wanted(name, ctx.project, config.platform)
    return base.find(wanted, lambda: nullcontext(source), ctx.blobs, ctx.log), ""


def _remote(config: Config, name: str, ctx: "Context") -> "tuple[Wanted, str, Opened]":
    """A base in a registry: which, its repository, and how to reach it."""
    from mlagent import adapters
    from mlagent.config.images import Registry
    from mlagent.core import oci
    from mlagent.errors import ConfigError
    from mlagent.image.base import Wanted

    try:
        where = oci.parse(name)
    except ValueError as error:
        raise ConfigError(f"package.base: {error}", hint="write name@sha256:…, or oci:FOLDER") from error
    settings = Registry(username=config.base_username, password=config.base_password, ca=config.base_ca)
    if where.digest is None:
        raise ConfigError(
            f"package.base {name} names no digest, and what a tag means changes",
            hint=f"`skopeo inspect --format '{{{{.Name}}}}@{{{{.Digest}}}}' docker://{where}` tells what to write",
        )

    def opened() -> "AbstractContextManager[Source]":
        return adapters.image_registry(
            where, settings, ctx.project, keys="package.base_", named="package.base", notice=ctx.log.warning
        )

    return Wanted(name, where.path, where.digest, config.platform), where.repository, opened


def _layers(config: Config, lock: "Lock", inputs: "Mapping[str, Path]", ctx: "Context") -> "dict[str, Layer]":
    """Ours, the lowest first: what changes seldom lies below what changes with every training."""
    from mlagent.image import cache, server, wheels

    def dependencies(folder: "Path", to: "Path") -> "Layer":
        ctx.log.info(f"installing {len(lock.requirements)} packages for {config.platform}")
        return wheels.layer(lock, config.lock, _target(config, ctx), ctx.tools, folder, to)

    def model(folder: "Path", to: "Path") -> "Layer":
        size = inputs["onnx"].stat().st_size // MEGA
        if size >= LARGE:
            ctx.log.info(f"packing a model of {size} MB")

        def told(done: int) -> None:
            if size >= LARGE:
                ctx.log.underway("packing the model", min(done / MEGA, size), size)

        return server.model_layer(inputs["onnx"], inputs["signature"], to, told)

    digests = ctx.digests["onnx"], ctx.digests["signature"]
    return {
        "dependencies": cache.layer(ctx.blobs, wheels.made_of(lock), dependencies),
        "server": cache.layer(
            ctx.blobs,
            server.made_of(config.python),
            lambda folder, to: server.layer(config.python, folder, to),
        ),
        "model": cache.layer(ctx.blobs, server.model_made_of(*digests), model),
    }


def _named(lock: "Lock", base: str, base_name: str, ctx: "Context") -> "Named":
    from mlagent.core import digest
    from mlagent.image import server
    from mlagent.image.assemble import Named

    return Named(
        name=ctx.sections["project"].name,
        model=ctx.digests["onnx"],
        lock=digest.of_bytes(lock.text().encode()),
        server=server.digest_of_server(),
        base=base,
        base_name=base_name,
    )


def _put_together(
    named: "Named", base: "Base", python: str, lock: "Lock", ours: "dict[str, Layer]", said: str, ctx: "Context"
) -> "Outputs":
    from mlagent.core import digest, oci
    from mlagent.image import assemble, cache, sbom

    configuration = assemble.configuration(base, python, named, ours)
    configured = oci.Descriptor(media_type=oci.CONFIG, digest=digest.of_bytes(configuration), size=len(configuration))
    with cache.folder(ctx.blobs) as work:
        file = work / "config.json"
        file.write_bytes(configuration)
        ctx.blobs.add(file, configured.digest)
    manifest = assemble.manifest(configured, base, named, ours)
    layers = [one.descriptor for one in (*base.layers, *ours.values())]
    return _written(manifest, [configured, *layers], sbom.bill(digest.of_bytes(manifest), named, lock, base), said, ctx)


def _written(manifest: bytes, pieces: "list[Descriptor]", bill: bytes, said: str, ctx: "Context") -> "Outputs":
    """Leave the files; `pieces` are the configuration and the layers."""
    from mlagent.core import digest
    from mlagent.core.context import Outputs

    (ctx.work / MANIFEST).write_bytes(manifest)
    (ctx.work / SBOM).write_bytes(bill)
    size = sum(one.size for one in pieces[1:]) / MEGA
    told = f"{digest.short(digest.of_bytes(manifest))}, {len(pieces) - 1} layers, {size:.1f} MB"
    return Outputs(summary="; ".join(filter(None, [told, said])), blobs=tuple(one.digest for one in pieces))


def _by_docker(config: Config, lock: "Lock", said: str, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """By a Docker engine, from the team's Dockerfile or our own; what it made is taken out of it again."""
    from mlagent.core import digest
    from mlagent.image import assemble, cache, dockerfile, exported, sbom

    recipe = dockerfile.recipe(ctx.project, config.dockerfile)
    base, base_name = _base(config, ctx) if recipe.wants_base else (None, "")
    named = _named(lock, base.digest if base else "", base_name, ctx)
    labels = {name: value for name, value in named.labels().items() if value}
    ending = dockerfile.ending(assemble.settings("python3", named.name)["Cmd"], labels)
    files = inputs["onnx"], inputs["signature"]
    with cache.folder(ctx.blobs) as work:
        dockerfile.lay_out(work / "context", recipe, lock, files, _target(config, ctx).wheelhouse, ending)
        configuration, tars = _engine_builds(recipe, base, config.platform, work, ctx)
        made = exported.take(configuration, tars, base, labels, config.platform, ctx.blobs)
    bill = sbom.bill(digest.of_bytes(made.manifest), named, lock, made.image)
    layers = [one.descriptor for one in made.image.layers]
    return _written(made.manifest, [made.config, *layers], bill, said, ctx)


def _engine_builds(
    recipe: "Recipe", base: "Base | None", platform: str, work: "Path", ctx: "Context"
) -> "tuple[Path, Sequence[Path]]":
    """Configuration and layers; the engine has the base for the time of the build. TeamCodeError (5) names the step."""
    from mlagent import adapters
    from mlagent.adapters import layout_server
    from mlagent.core.ports.engine import BuildFailed
    from mlagent.image import exported

    with ExitStack() as held:
        engine, arguments = held.enter_context(adapters.container_engine()), {}
        if base:
            pieces, manifest = exported.served(base, work, ctx.blobs)
            with layout_server.serving(pieces) as host:
                arguments["BASE"] = held.enter_context(engine.pulled(host, manifest))
        folder, name = work / "context", recipe.path.name
        try:
            image = held.enter_context(engine.built(folder, name, arguments, platform, ctx.log.output))
        except BuildFailed as error:
            raise recipe.failed(error) from error
        return engine.export(image, work)


STAGE = Stage(
    name="package",
    title="Build the image",
    about="Freezes the serving environment, and lays the model, its server and these packages on a base by digest: a"
    " container image, without a daemon and the same bytes each time, with its bill of materials.",
    config=Config,
    run=run,
    reads=("onnx", "signature"),
    writes=(
        Artifact("image", MANIFEST, "the image's manifest, whose digest is the image's name", optional=True),
        Artifact("sbom", SBOM, "what is in the image (CycloneDX)", optional=True),
        Artifact("serving-lock", LOCK, "the frozen serving environment that went into it", optional=True),
    ),
    sections=("project", "serving"),
    facts=("server", "serving-lock", "dockerfile", "base"),
    wants=("package.base", "registry.repository"),
    switches={"relock": "Freeze the serving environment anew, and say what changed."},
    effect="compute",
    needs=Needs(packages=(Package("uv", "image"), Package("deflate", "image"))),
)

"""Say beside the image, signed, what is known of it; read it back, verify it, and only then tag the release."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from mlagent.config.secret import Secret
from mlagent.config.signer import KEYLESS, must_be_one
from mlagent.core.artifact import Artifact
from mlagent.core.oci import Manifest, Reference
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs
    from mlagent.core.ports.images import ImageRegistry
    from mlagent.core.ports.signer import By, Signer

TAG = re.compile(r"(?!sha256-)[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
PARTS = ("version", "build", "commit")


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs, and under which tag people find the release."""

    key: Annotated[
        Secret | None, Meta(description="cosign's private key (PEM), as a reference; null and no service: off.")
    ] = None
    password: Annotated[Secret | None, Meta(description="The password of `key`, as a reference.")] = None
    service: Annotated[
        str | None,
        Meta(
            description="Instead of `key`, who keeps one: awskms://…, gcpkms://…, azurekms://…, hashivault://…, k8s://…"
            " as cosign writes them, or keyless.",
        ),
    ] = None
    public_key: Annotated[
        str | None, Meta(description="A file with the public key; null asks the key, or the service, for it.")
    ] = None
    identity: Annotated[str | None, Meta(description="With keyless: the subject that is certified.")] = None
    issuer: Annotated[str | None, Meta(description="With keyless: the OIDC provider that certifies it.")] = None
    transparency_log: Annotated[
        bool, Meta(description="Also write to a public log (Rekor), and look into it when verifying.")
    ] = False
    tag: Annotated[
        str | None,
        Meta(description="The release's tag, of {version}, {build} and {commit}; null sets none. It moves."),
    ] = "v{version}"

    def __post_init__(self) -> None:
        """Refuse two signers, half an identity, and what is no tag."""
        must_be_one(self.key, self.password, self.service)
        keyless = self.service == KEYLESS
        if keyless != bool(self.identity) or keyless != bool(self.issuer) or (keyless and not self.transparency_log):
            message = "service: keyless goes together with identity, issuer and transparency_log: true"
            raise ValueError(message)
        if self.tag is not None and not TAG.fullmatch(filled(self.tag, dict.fromkeys(PARTS, "1"))):
            message = f"tag {self.tag!r} is no tag: letters, digits, _ . - and {{version}}, {{build}}, {{commit}}"
            raise ValueError(message)


class Signed(msgspec.Struct, frozen=True):
    """What is in the registry, by whom, and what of it this run wrote."""

    image: str
    tag: str | None
    by: str
    holds: list[str]
    written: list[str]


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Write what is missing, verify all of it, tag; nothing where nothing was pushed."""
    from mlagent import adapters
    from mlagent.core.context import Outputs
    from mlagent.core.digest import canonical_json
    from mlagent.core.oci import parse
    from mlagent.errors import InputError

    if "pushed" not in inputs:
        return Outputs(summary="nothing is signed: no image was pushed")
    settings = ctx.sections["registry"]
    image = msgspec.structs.replace(parse(settings.repository), digest=ctx.digests["image"])
    signer = adapters.signer(
        settings,
        ctx.project,
        key=config.key,
        password=config.password,
        service=config.service,
        by=_by(config, ctx.project),
        transparency_log=config.transparency_log,
    )
    with adapters.image_registry(image, settings, ctx.project, notice=ctx.log.warning) as registry:
        if registry.manifest(image.path, str(image.digest)) is None:
            raise InputError(f"{image} is not there any more", hint="`mlagent push` puts it there")
        signed = to(registry, signer, image, config.tag, inputs, ctx)
    (ctx.work / "signed.json").write_bytes(canonical_json(signed))
    new = f"{', '.join(signed.written)} written" if signed.written else "all was there already"
    return Outputs(summary=f"{signed.image} is signed by {signed.by}, tag {signed.tag or 'none'}: {new}")


def to(
    registry: "ImageRegistry",
    signer: "Signer",
    image: Reference,
    pattern: str | None,
    inputs: "Mapping[str, Path]",
    ctx: "Context",
) -> Signed:
    """Each of signature and statements once; the model's files; all of it read back and judged; then the tag.

    PolicyRefused (12) names what does not come back as it was written.
    """
    from mlagent.trust import stated
    from mlagent.trust.gathering import gather
    from mlagent.trust.verify import judge

    data = inputs["image"].read_bytes()
    manifest = msgspec.json.decode(data, type=Manifest)
    told, by = _told(manifest, inputs, ctx), signer.by()
    tag = None if pattern is None else _tag(pattern, inputs, ctx)
    written = _say(signer, by, image, told, ctx)
    _sign_files(signer, image, ctx)
    asked = stated.asked_of(by, [verdict.subject for one in ctx.done for verdict in one.verdicts])
    judge(gather(image, registry, signer, asked), asked, datetime.now(UTC)).raise_unless_passed()
    there = registry.manifest(image.path, tag) if tag else None
    if tag and (there is None or there.data != data):
        registry.put_manifest(image.path, data, manifest.media_type, tag)
        written.append(f"tag {tag}")
    return Signed(str(image), tag, stated.called(by), ["signature", *told], written)


def _told(manifest: Manifest, inputs: "Mapping[str, Path]", ctx: "Context") -> dict[str, tuple[str, object]]:
    """Statements by what people call them: type and predicate."""
    from mlagent.trust import origins, provenance, verdicts

    made = provenance.makers(ctx.done)
    built = provenance.of(ctx.origin(), made, ctx.run_id, manifest)
    return {
        "provenance": (provenance.TYPE, msgspec.to_builtins(built)),
        "SBOM": (origins.SBOM, msgspec.json.decode(inputs["sbom"].read_bytes())),
        "verdicts": (verdicts.TYPE, msgspec.to_builtins(verdicts.of(made))),
    }


def _say(
    signer: "Signer", by: "By", image: Reference, told: Mapping[str, tuple[str, object]], ctx: "Context"
) -> list[str]:
    """Write what is not there; of our own what says something else is withdrawn, what others said stays."""
    from mlagent.trust import stated

    written, there = [], signer.attached(image)
    if not there.signatures or image.digest not in signer.signatures(image, by):
        signer.sign(image)
        written.append("signature")
    for name, (kind, predicate) in told.items():
        ours = signer.attestations(image, kind, by) if there.envelopes else ()
        same = [one for one in ours if stated.same(one, predicate)]
        if not same:
            file = ctx.work / f"{name.lower()}.json"
            file.write_bytes(msgspec.json.encode(predicate))
            signer.attest(image, kind, file)
            written.append(name)
        if old := [one for one in ours if one not in same[:1]]:
            signer.withdraw(image, old)
    return written


def _sign_files(signer: "Signer", image: Reference, ctx: "Context") -> None:
    """For those who take the model without the image: a statement over its files, and its signature."""
    from mlagent.trust import release

    made = {name: digest for one in ctx.done for name, digest in one.outputs.items()}  # not read: they may be large
    files = {"model.onnx": made["onnx"], "signature.json": made["signature"]}
    statement = ctx.work / release.FILE
    statement.write_bytes(release.write(files, str(image.digest), image.repository))
    (ctx.work / release.SIGNATURE).write_bytes(signer.sign_blob(statement))


def _by(config: Config, project: "Path") -> "By | None":
    """Whom the signatures verify by, where that is said; ConfigError (3) for a file that holds no public key."""
    from pathlib import Path

    from mlagent.core.ports.signer import Identity, PublicKey
    from mlagent.errors import ConfigError
    from mlagent.trust import keys

    if config.identity and config.issuer:
        return Identity(config.issuer, config.identity)
    if config.public_key is None:
        return None
    try:
        return PublicKey(keys.key((project / Path(config.public_key).expanduser()).read_text()).pem)
    except (OSError, ValueError) as error:
        hint = "`cosign public-key --key …` prints it; null asks the key for it"
        raise ConfigError(f"sign.public_key: {config.public_key}: {error}", hint=hint) from error


def filled(pattern: str, parts: Mapping[str, str]) -> str:
    """The tag with its parts."""
    for name, text in parts.items():
        pattern = pattern.replace("{" + name + "}", text)
    return pattern


def _tag(pattern: str, inputs: "Mapping[str, Path]", ctx: "Context") -> str:
    """ConfigError (3) where a part of it is not known."""
    from mlagent.errors import ConfigError

    parts = {"build": ctx.labels.get("build", ""), "commit": ctx.labels.get("commit", "")[:12]}
    if "version" in inputs:
        parts["version"] = str(msgspec.json.decode(inputs["version"].read_bytes())["number"])
    made = filled(pattern, {name: text for name, text in parts.items() if text})
    if not TAG.fullmatch(made):
        hint = "a version is what `register` made, a commit what git says"
        raise ConfigError(f"sign.tag {pattern!r} cannot be filled: {made!r} is no tag", hint=hint)
    return made


STAGE = Stage(
    name="sign",
    title="Sign the release",
    about="Signs the image by its digest, through cosign, and attests beside it where it comes from (SLSA"
    " provenance), what is in it (SBOM) and every verdict of the run; signs the model's own files; reads it all back,"
    " verifies it, and only then sets the release's tag. What is there is not written again. Off without a key.",
    config=Config,
    run=run,
    reads=("image", "sbom", "version", "pushed"),
    writes=(
        Artifact("signed", "signed.json", "image, tag, who signed, what was written", optional=True),
        Artifact("model-statement", "model.intoto.json", "in-toto statement over the model's files", optional=True),
        Artifact("model-signature", "model.intoto.json.sig", "its signature, in base64", optional=True),
    ),
    uses=("registry",),
    wants=("sign.key", "sign.service"),
    effect="publish",
    retries=2,
    needs=Needs(trusted_node=True, credentials=True, packages=(Package("urllib3", "image"),)),
    minutes=15,
)

"""Make the model that passed the gate a version in the registry, or find that it is one already."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs

ALIAS = "development"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose: the name is the project's, the registry that of the `tracking:` section."""


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Ask for this ONNX digest, else make a version of it; point `development` at it.

    Not of a pull request, nor where a stage was skipped.
    """
    from mlagent.core.context import Outputs
    from mlagent.core.digest import canonical_json
    from mlagent.errors import Held

    if "skipped" in ctx.labels:
        return Outputs(summary=f"nothing is registered of a run that skips a stage ({ctx.labels['skipped']})")
    if "pull_request" in ctx.labels:
        return Outputs(summary=f"nothing is registered of a pull request ({ctx.labels['pull_request']})")
    name, digest = ctx.sections["project"].name, ctx.digests["onnx"]
    known = {one.number for one in ctx.registry.versions(name)}
    version = ctx.registry.register(name, digest, {**ctx.labels, "run": ctx.run_id}, inputs["onnx"])
    before = ctx.registry.pointed(name, ALIAS)
    if before != version and not ctx.registry.point(name, ALIAS, version.number, before.number if before else None):
        raise Held(f"another build moved {name}'s alias {ALIAS!r} at the same time", hint="give the same command again")
    (ctx.work / "version.json").write_bytes(canonical_json(version))
    said = "was registered already" if version.number in known else "is new"
    return Outputs(summary=f"{name} version {version.number} {said}; stage Development")


STAGE = Stage(
    name="register",
    title="Register the model",
    about="Makes the gated ONNX file a version in the model registry, stage Development; the same file is one version."
    " Nothing is registered where Jenkins builds a pull request (CHANGE_ID) or a stage is skipped (`stages.skip`).",
    config=Config,
    run=run,
    reads=("onnx", "evaluation"),
    writes=(
        Artifact("version", "version.json", "name, number and digest of the version in the registry", optional=True),
    ),
    uses=("project", "tracking"),
    effect="publish",
    needs=Needs(light=True),
)

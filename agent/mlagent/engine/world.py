"""What of the world stages may depend on besides their data: the model in production, the platform's waivers."""

import os
import sys
from pathlib import Path

import mlagent
from mlagent.config.load import Settings
from mlagent.core import digest
from mlagent.core.ports.models import ModelRegistry, Version
from mlagent.errors import ConfigError, InfrastructureError

ALIAS = "production"
PRODUCTION, WAIVERS, ACCEPTED = "production-model", "waivers", "accepted-data"
POLICY = "policy"
SERVER, LOCK, DOCKERFILE, BASE = "server", "serving-lock", "dockerfile", "base"


def production(registry: ModelRegistry, model: str) -> tuple[str, Version | None]:
    """The digest of the model in production, nothing when there is none; a reason where nobody could be asked."""
    try:
        found = registry.pointed(model, ALIAS)
    except InfrastructureError as error:
        return error.message, None
    return (found.digest if found else ""), found


def waivers(settings: Settings) -> Path | None:
    """The platform's file; ConfigError (3) where the team's file names it, or it is not there."""
    return _platforms(settings, "waivers")


def policy(settings: Settings) -> Path | None:
    """The platform's policy.yaml; ConfigError (3) where the team's file names it, or it is not there."""
    return _platforms(settings, "file")


def _platforms(settings: Settings, key: str) -> Path | None:
    named = getattr(settings.sections["policy"], key)
    if not named:
        return None
    source = settings.sources[f"policy.{key}"]
    if source.kind == "file":
        raise ConfigError(
            f"{source}: policy.{key} is the platform's to set, not the project's",
            hint=f"take it out; whoever runs the nodes sets MLAGENT_POLICY_{key.upper()} there",
        )
    path = Path(named).expanduser()
    if not path.is_file():
        raise ConfigError(f"policy.{key} ({source}): there is no file {named}", hint="correct its path, or unset it")
    if os.environ.get("JENKINS_URL") and path.resolve().is_relative_to(Path.cwd().resolve()):
        raise ConfigError(
            f"policy.{key} ({source}): {named} lies in the build's own workspace, where teams write",
            hint="whoever runs the nodes puts it elsewhere on them, and sets MLAGENT_POLICY_" + key.upper(),
        )
    return path


def waivers_digest(settings: Settings) -> str:
    """Its digest, nothing without one."""
    path = waivers(settings)
    return digest.of_file(path) if path else ""


def policy_digest(settings: Settings) -> str:
    """Its digest, nothing without one."""
    path = policy(settings) if "policy" in settings.sections else None
    return digest.of_file(path) if path else ""


def image(project: Path, settings: Settings) -> dict[str, str]:
    """What an image is made of besides the model: the server (and what compiles it), the lock, a team's Dockerfile."""
    package = settings.sections.get("package")
    lock = project / package.lock if package else None
    own = project / package.dockerfile if package and package.dockerfile else None
    server = [digest.of_tree(Path(mlagent.__file__).parent / "serving"), sys.version_info[:2]]
    return {
        SERVER: digest.of_json(server),
        LOCK: digest.of_file(lock) if lock and lock.is_file() else "",
        DOCKERFILE: digest.of_tree(own.parent) if own and own.is_file() else "",
        BASE: _layout(project, package.base) if package else "",
    }


def _layout(project: Path, base: str | None) -> str:
    """What a base that is a folder holds; one in a registry is named by its digest, and is no fact of the world."""
    scheme, _, folder = (base or "").partition(":")
    index = project / Path(folder.partition("@")[0]).expanduser() / "index.json"
    return digest.of_file(index) if scheme == "oci" and index.is_file() else ""

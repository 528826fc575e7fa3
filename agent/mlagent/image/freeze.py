"""Makes the lock: uv resolves what the server needs for the image's platform and Python, by wheels alone."""

import tomllib
from pathlib import Path

from mlagent.core.digest import ALGORITHM
from mlagent.core.ports.children import Children
from mlagent.errors import ConfigError
from mlagent.image import uv
from mlagent.image.lock import Lock, Requirement, needed
from mlagent.image.uv import Target

RESOLVED = "pylock.serving.toml"


def freeze(target: Target, tools: Children, work: Path) -> Lock:
    """Resolve now, in the folder `work`; ConfigError (3) names the package that has no wheel that fits."""
    wanted = needed()
    asked, resolved = work / "serving.in", work / RESOLVED
    asked.write_text("".join(f"{one}\n" for one in wanted))
    options = ["--generate-hashes", "--no-header", "--format", "pylock.toml", "--output-file", str(resolved)]
    said = uv.run(["compile", str(asked), *options, *target.options], tools, work / "freezing.log")
    if said:
        raise uv.cannot_freeze(said)
    packages = tomllib.loads(resolved.read_text()).get("packages", [])
    return Lock(target.platform, target.python, wanted, tuple(_requirement(one) for one in packages))


def _requirement(package: dict[str, object]) -> Requirement:
    """A package of uv's lock, which lists the wheels that fit the platform."""
    name, version, wheels = package["name"], package.get("version"), package.get("wheels")
    if not isinstance(version, str) or not isinstance(wheels, list):
        raise ConfigError(
            f"{name} is no published package with wheels", hint="is it installed from a folder or repository?"
        )
    hashes = sorted({f"{ALGORITHM}:{one['hashes'][ALGORITHM]}" for one in wheels})
    return Requirement(str(name), version, tuple(hashes))

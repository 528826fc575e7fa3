"""uv resolves for another platform and installs without running anything; here are its options, and its refusals."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from mlagent.core.ports.children import Children
from mlagent.errors import ConfigError, InfrastructureError, InputError, MlagentError, TeamCodeError

SECONDS = 1800.0
MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
FROM_PIP = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
}
UNBOUND = {"UV_CONSTRAINT": "", "UV_OVERRIDE": "", "UV_EXCLUDE": ""}  # what is locked is installed, nothing else
RANKS = ("global", "site", "user", "install", ":env:")  # of pip's settings, the last wins
AWAY = ("error sending request", "dns error", "timed out", "connection closed", "server error (5", "Connection refused")
NO_CACHE = "Failed to initialize cache"
FULL = "No space left on device"
LOCKED_OUT = re.compile(r"\((401|403)\b|[Uu]nauthorized|[Ff]orbidden")
RELOCK = "`mlagent package --relock` freezes anew; look at what changes, and commit it"


class Target(msgspec.Struct, frozen=True):
    """What the image runs on: a platform such as linux/amd64, a Python such as 3.11, and a folder of wheels, if any.

    `device` is what the model computes on, cpu or cuda.
    """

    platform: str
    python: str
    wheelhouse: Path | None = None
    device: str = "cpu"

    @property
    def options(self) -> list[str]:
        """Of uv: wheels alone, for that platform, whatever runs here."""
        where = ["--no-index", "--find-links", str(self.wheelhouse)] if self.wheelhouse else []
        platform = f"{MACHINES[self.platform]}-manylinux_2_28"
        fixed = ["--only-binary", ":all:", "--python-version", self.python, "--python-platform", platform]
        return [*fixed, "--python", sys.executable, "--no-python-downloads", "--quiet", *where]


def run(arguments: Sequence[str], tools: Children, kept: Path) -> str:
    """Run `uv pip ARGUMENTS`, its output passed on and kept; what it said where it failed, else nothing.

    ConfigError (3) where there is no uv, InfrastructureError (20) where an index is away or the disk is full.
    """
    try:
        env = index(os.environ) | (UNBOUND if arguments[0] == "sync" else {})
        status = tools.execute(["uv", "pip", *arguments], seconds=SECONDS, env=env, kept=kept)
    except ConfigError as error:
        raise ConfigError(
            "there is no program uv here, which freezes and installs what the image holds",
            hint="pip install 'mlagent[image]'; `mlagent doctor` lists all that is missing",
        ) from error
    except TeamCodeError as error:  # so the port calls what takes too long
        raise InfrastructureError(f"uv was ended: {error.message}", hint="is the package index slow?") from error
    if status == 0:
        return ""
    said = _plain(kept.read_text(errors="replace"))
    if FULL in said:
        raise InfrastructureError(
            f"the disk is full: {said}", hint="make room there, or name another disk (package.cache)"
        )
    if NO_CACHE in said:
        raise ConfigError(
            f"uv cannot keep what it fetches: {said}",
            hint="name a folder that this user may write to in UV_CACHE_DIR, or correct HOME",
        )
    if any(word in said for word in AWAY):
        raise InfrastructureError(
            f"the package index is away: {said}",
            hint="is it up? package.wheelhouse names a folder of wheels to take instead",
        )
    if LOCKED_OUT.search(said):
        raise ConfigError(
            f"the package index lets nobody in with these credentials: {said}",
            hint="set PIP_INDEX_URL or UV_DEFAULT_INDEX, or a .netrc, where this runs",
        )
    return said


def cannot_freeze(said: str) -> MlagentError:
    """Why there is no set of wheels that fits; uv's sentence names the package."""
    wheels = "no usable wheels" in said or "no wheels" in said
    return ConfigError(
        f"the serving environment cannot be frozen: {said}",
        hint="only wheels go into an image: build one of that package, and name its folder by package.wheelhouse"
        if wheels
        else "is package.python what the base has? does the index (or package.wheelhouse) hold these packages?",
    )


def cannot_install(said: str, lock: str, wheelhouse: Path | None = None) -> MlagentError:
    """Why what is frozen can no longer be had; uv's sentence names the package."""
    if "Hash mismatch" in said:
        return InputError(
            f"{lock}: what the index gives is not what was frozen: {said}",
            hint=f"somebody changed a wheel that was published: find out who and why before {RELOCK}",
        )
    wheels = f"has package.wheelhouse ({wheelhouse}) all of these wheels, whole? " if wheelhouse else ""
    return InputError(f"{lock} can no longer be installed: {said}", hint=wheels + RELOCK)


def index(environ: Mapping[str, str]) -> dict[str, str]:
    """Where pip finds packages, in uv's variables, which is no secret's way into a command line; what is set stays."""
    if any(re.fullmatch(r"UV_(\w+_)?INDEX(_URL)?", name) for name in environ):
        return {}
    found = {name: value for name, value in _pip().items() if name not in environ}
    if "UV_INDEX" in found:  # as pip does: the best of all indexes
        found.setdefault("UV_INDEX_STRATEGY", environ.get("UV_INDEX_STRATEGY", "unsafe-best-match"))
    return found


def _pip() -> dict[str, str]:
    """Pip's settings, for uv does not read them; nothing where there is no pip."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    found: dict[str, tuple[int, str]] = {}
    for line in listed.stdout.splitlines():
        place, _, value = line.partition("=")
        section, _, key = place.partition(".")
        if key in FROM_PIP and section in RANKS:
            text = " ".join(str(ast.literal_eval(value)).split())
            found[key] = max(found.get(key, (-1, "")), (RANKS.index(section), text))
    return {FROM_PIP[key]: _listed(key, text) for key, (_, text) in found.items()}


def _listed(key: str, text: str) -> str:
    """Several values as uv wants them."""
    if key == "no-index":
        return "1" if text.lower() in ("1", "true", "yes", "on", "t", "y") else "0"
    return text.replace(" ", ",") if key == "find-links" else text


def _plain(said: str) -> str:
    """Uv's output as one sentence, without a password that a URL holds."""
    text = re.sub(r"(?<=://)[^/@\s]+@", "***@", said)
    lines = [re.sub(r"^(error|cause|hint|warning):\s*", "", line.strip()) for line in text.splitlines()]
    return "; ".join(line for line in lines if line and not line.startswith("Wheels are required")) or "it said nothing"

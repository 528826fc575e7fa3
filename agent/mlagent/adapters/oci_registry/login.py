"""Who asks, and where that was found: the section, then Docker's configuration, else nobody."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mlagent.adapters.oci_registry import docker_config
from mlagent.config.images import Registry
from mlagent.core.oci import HUB
from mlagent.errors import ConfigError

_BEARER = re.compile(r"[\x21-\x7e]+")


class Login(NamedTuple):
    """What to say when asked: a user name with a password, or with a token that is exchanged; or a bearer token."""

    origin: str
    username: str = ""
    password: str = ""
    identity: str = ""
    bearer: str = ""

    def __repr__(self) -> str:
        """Not the secrets."""
        return f"Login({self.origin!r})"

    @property
    def basic(self) -> str:
        """The header of basic authentication; empty without a password."""
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return f"Basic {pair}" if self.password else ""

    @property
    def secrets(self) -> frozenset[str]:
        """What may stand in no text."""
        return frozenset(one for one in (self.password, self.identity, self.bearer, self.basic[6:]) if one)


NOBODY = Login("nobody: no credentials were given")


def of(settings: Registry, keys: str, host: str, environ: Mapping[str, str]) -> Login:
    """The section's credentials, else what Docker's configuration has for the host, else nobody's.

    ConfigError (3) for a secret that cannot be read, a damaged file, a helper that is missing or fails.
    """
    if settings.token:
        return Login(f"{keys}token ({settings.token.reference})", bearer=_printable(settings.token.reveal(), keys))
    if settings.username and settings.password:
        origin = f"{keys}password ({settings.password.reference}, user {settings.username})"
        return Login(origin, settings.username, settings.password.reveal())
    hidden = {one.variable for one in (settings.password, settings.token) if one and one.variable}
    kept = {name: text for name, text in environ.items() if name not in hidden and not name.startswith("MLAGENT_")}
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/")) / ".docker")
    return _docker(folder / "config.json", host, kept)


def _docker(path: Path, host: str, environ: Mapping[str, str]) -> Login:
    config = docker_config.read(path)
    names = docker_config.HUB_NAMES if host == HUB else (host,)
    helper = config.helper(names)
    if helper:
        origin = f"docker-credential-{helper} ({path})"
        user, secret = docker_config.ask(helper, names[0], path, environ)
        if user == docker_config.IDENTITY:
            return Login(origin, identity=secret)
        if secret:
            return Login(origin, user, secret)
    entry = config.entry(names)
    if entry is None:
        return NOBODY._replace(origin=f"nobody: {path} has no credentials for {host}")
    user, password = docker_config.pair(entry, path, host)
    return Login(f"{path} ({host})", user, password, entry.identitytoken, entry.registrytoken)


def _printable(token: str, keys: str) -> str:
    if not _BEARER.fullmatch(token):
        raise ConfigError(
            f"{keys}token holds spaces, line ends or letters that no bearer token has",
            hint="is it whole, and nothing but the token? a line end after it is not part of it",
        )
    return token

"""Docker's config.json: logins in it, and the programs it names that know them."""

import base64
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from mlagent.errors import ConfigError, MlagentError

HUB_NAMES = ("https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io")
IDENTITY = "<token>"  # the user name by which a helper says that its secret is to be exchanged
SECONDS = 60
NO_LOGIN = "credentials not found"


class Entry(msgspec.Struct, frozen=True):
    """What the file says of one registry."""

    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""

    def __repr__(self) -> str:
        """Not the secrets."""
        return "Entry()"


class DockerConfig(msgspec.Struct, frozen=True, rename={"helpers": "credHelpers", "store": "credsStore"}):
    """The part of the file that is about logins."""

    auths: dict[str, Entry] = {}
    helpers: dict[str, str] = {}
    store: str = ""

    def helper(self, names: Sequence[str]) -> str:
        """The name of the program that knows this registry; empty where none does."""
        return next((self.helpers[one] for one in names if one in self.helpers), self.store)

    def entry(self, names: Sequence[str]) -> Entry | None:
        """The login in the file; keys may be written as URLs."""
        plain = {_plain(one) for one in names}
        found = (entry for name, entry in self.auths.items() if name in names or _plain(name) in plain)
        return next((one for one in found if one != Entry()), None)


def read(path: Path) -> DockerConfig:
    """The file; empty where there is none. ConfigError (3) for one that cannot be read, without what stands in it."""
    try:
        return msgspec.json.decode(path.read_bytes().strip() or b"{}", type=DockerConfig)  # Docker takes an empty one
    except (FileNotFoundError, NotADirectoryError):
        return DockerConfig()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from None
    except OSError as error:
        raise ConfigError(
            f"Docker's configuration {path} cannot be read: {error.strerror}",
            hint="give it to the user who runs this, or name another folder in DOCKER_CONFIG",
        ) from error


def pair(entry: Entry, path: Path, host: str) -> tuple[str, str]:
    """User name and password of a login; the password may be empty where there is a token instead."""
    if not entry.auth:
        return entry.username, entry.password
    try:
        text = base64.b64decode(entry.auth, validate=True).decode()
    except ValueError:
        raise _damaged(path, f"the login of {host} is no base64 of a text") from None
    user, colon, password = text.partition(":")
    if not colon:
        raise _damaged(path, f"the login of {host} is no user:password")
    return user, password.strip("\0")


def ask(helper: str, server: str, path: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """User name and secret that a helper knows, both empty where it knows none; it is told the server on its input.

    ConfigError (3) when the helper is not there or fails.
    """
    program = f"docker-credential-{helper}"
    if not re.fullmatch(r"[\w.-]+", helper, re.ASCII):
        raise _damaged(path, f"{helper!r} is no name of a credential helper")
    try:
        ended = subprocess.run(
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            check=False,
            timeout=SECONDS,
            env=dict(environ),
        )
    except FileNotFoundError as error:
        raise _failed(program, path, "it is not on the search path (PATH)") from error
    except OSError as error:
        raise _failed(program, path, error.strerror or "it cannot be started") from error
    except subprocess.TimeoutExpired:
        raise _failed(program, path, f"it did not answer within {SECONDS} seconds") from None
    if ended.returncode != 0:
        shown = b"" if b'"Secret"' in ended.stdout else ended.stdout
        said = b" ".join((shown + b" " + ended.stderr).split())[:200].decode(errors="replace")
        if NO_LOGIN in said:
            return "", ""
        raise _failed(program, path, f"it ended with status {ended.returncode}: {said}")
    try:
        answer = json.loads(ended.stdout)
        return "".join(answer["Username"]), "".join(answer["Secret"])  # no texts, no login
    except (ValueError, LookupError, TypeError):
        raise _failed(program, path, "its answer is not JSON with Username and Secret") from None


def _plain(name: str) -> str:
    return re.sub(r"^https?://", "", name).partition("/")[0]


def _damaged(path: Path, said: str) -> MlagentError:
    return ConfigError(
        f"Docker's configuration {path} is damaged: {said}",
        hint="log in anew with docker login, or give the credentials in the section `registry`",
    )


def _failed(program: str, path: Path, said: str) -> MlagentError:
    return ConfigError(
        f"the credential helper {program}, which {path} names, gave nothing: {said}",
        hint="install it or set it up for the user who runs this, or give the credentials in the section `registry`",
    )

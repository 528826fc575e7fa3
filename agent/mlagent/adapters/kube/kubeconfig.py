"""Which cluster, and as whom: kubeconfig files, merged as kubectl does it, without asking anything of anybody."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from mlagent.errors import ConfigError

DEFAULT = "~/.kube/config"
LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
FILES = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile")}
AS_ANOTHER = ("as", "as-uid", "as-groups", "as-user-extra")  # the library would leave it out, and do more than is meant
Entries = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By list (clusters, contexts, users) and name."""


class Kubeconfig(NamedTuple):
    """`origin` is where it was read; `current` its own choice of a context, empty for none."""

    origin: str
    entries: Entries
    current: str

    def __repr__(self) -> str:
        """Not the keys in it."""
        return f"Kubeconfig({self.origin!r})"


class Chosen(NamedTuple):
    """One context: its name, its cluster's and its user's entries."""

    context: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]

    def __repr__(self) -> str:
        """Not the keys in it."""
        return f"Chosen({self.context!r})"


def files(environ: Mapping[str, str]) -> list[Path]:
    """Those that KUBECONFIG names, else the default one, there or not."""
    named = environ.get("KUBECONFIG", "")
    return [Path(one).expanduser() for one in named.split(os.pathsep) if one] or [Path(DEFAULT).expanduser()]


def read(paths: Sequence[Path]) -> Kubeconfig | None:
    """All that are there as one: who names a thing first has it. None where none is there."""
    there = [one for one in paths if one.is_file()]
    parts = [parse(_text(one), str(one), one.parent) for one in there]
    if not parts:
        return None
    entries = {kind: _first(one.entries[kind] for one in parts) for kind in LISTS}
    current = next((one.current for one in parts if one.current), "")
    return Kubeconfig(os.pathsep.join(map(str, there)), entries, current)


def parse(text: str, origin: str, folder: Path) -> Kubeconfig:
    """One file's text, whose paths are meant from the folder; ConfigError (3), which never quotes it."""
    try:
        values = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError):
        raise _broken(origin, "it is not YAML") from None
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise _broken(origin, "it is no mapping")
    entries = {kind: dict(_entries(values, kind, origin, folder)) for kind in LISTS}
    return Kubeconfig(origin, entries, str(values.get("current-context") or ""))


def choose(config: Kubeconfig, context: str | None, keys: str) -> Chosen:
    """The context that was asked for, else the current one; ConfigError (3) names those that are there."""
    name = context or config.current
    found = config.entries["contexts"].get(name)
    if found is None:
        raise _unknown(config, context, keys)
    cluster = config.entries["clusters"].get(str(found.get("cluster")))
    user = config.entries["users"].get(str(found.get("user")), {})
    if cluster is None or not _takes_a_token(str(cluster.get("server", ""))):
        raise _broken(config.origin, f"the cluster of its context {name} has no server with an address https://HOST")
    if any(user.get(key) for key in AS_ANOTHER):
        raise _broken(config.origin, f"the user of its context {name} acts as another (`as`), which is not done here")
    return Chosen(name, cluster, user)


def loopback(server: str) -> bool:
    """Whether its address is of this machine alone."""
    host = urlsplit(server).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _takes_a_token(server: str) -> bool:
    """By TLS, or where nobody is on the way."""
    try:
        parts = urlsplit(server)
        return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and loopback(server)))
    except ValueError:
        return False


def _unknown(config: Kubeconfig, context: str | None, keys: str) -> ConfigError:
    there = ", ".join(sorted(config.entries["contexts"])) or "none"
    if context or config.current:
        said = f"{keys}context" if context else "its current-context"
        message = f"the kubeconfig {config.origin} has no context {context or config.current!r}, which {said} names"
    else:
        message = f"the kubeconfig {config.origin} has no current context"
    return ConfigError(message, hint=f"set {keys}context to one of those that are there: {there}")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(str(path), getattr(error, "strerror", None) or "it is no text") from None


def _entries(
    values: Mapping[str, Any], kind: str, origin: str, folder: Path
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    listed = values.get(kind) or []
    if not isinstance(listed, list):
        raise _broken(origin, f"`{kind}` is no list")
    for one in listed:
        entry = one.get(LISTS[kind]) if isinstance(one, dict) else None
        if not isinstance(one, dict) or "name" not in one or not isinstance(entry or {}, dict):
            raise _broken(origin, f"an entry of `{kind}` has no name, or nothing of the kind in it")
        yield str(one["name"]), _placed(entry or {}, FILES.get(kind, ()), folder)


def _placed(entry: Mapping[str, Any], keys: Sequence[str], folder: Path) -> Mapping[str, Any]:
    """Its paths, and that of a program that has a slash, from where the file is."""
    placed = dict(entry) | {key: str(folder / str(entry[key])) for key in keys if entry.get(key)}
    program = entry.get("exec")
    if isinstance(program, dict) and "/" in str(program.get("command")):
        placed["exec"] = program | {"command": str(folder / program["command"])}
    return placed


def _first(parts: Iterator[Mapping[str, Mapping[str, Any]]]) -> Mapping[str, Mapping[str, Any]]:
    merged: dict[str, Mapping[str, Any]] = {}
    for part in parts:
        merged = {**part, **merged}
    return merged


def _broken(origin: str, why: str) -> ConfigError:
    return ConfigError(
        f"the kubeconfig {origin} cannot be used: {why}", hint="`kubectl config view` with the same file says more"
    )

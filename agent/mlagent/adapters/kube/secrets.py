"""Certificates and keys that stand in a kubeconfig, for a library that reads files: in memory, on no disk."""

import base64
import binascii
import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from mlagent.errors import ConfigError

DATA = ("certificate-authority", "client-certificate", "client-key")


def hidden(entry: Mapping[str, Any], origin: str, kept: ExitStack) -> Mapping[str, Any]:
    """The entry, with a path of this process in the place of each `-data`; the paths are good until `kept` closes."""
    if not hasattr(os, "memfd_create"):  # off Linux the library writes them to files that only this user can read
        return entry
    there = {key: entry[f"{key}-data"] for key in DATA if entry.get(f"{key}-data")}
    rest = {key: value for key, value in entry.items() if key.removesuffix("-data") not in there}
    return rest | {key: _in_memory(key, str(value), origin, kept) for key, value in there.items()}


def _in_memory(key: str, data: str, origin: str, kept: ExitStack) -> str:
    try:
        content = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(
            f"the kubeconfig {origin} cannot be used: its {key}-data is not in base64", hint="was it copied whole?"
        ) from None
    file = kept.enter_context(os.fdopen(os.memfd_create(f"mlagent-{key}"), "wb"))
    file.write(content)
    file.flush()
    return f"/proc/self/fd/{file.fileno()}"

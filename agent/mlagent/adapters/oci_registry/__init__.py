"""Registries of container images, by the OCI distribution specification: one host a client."""

import os
from collections.abc import Mapping
from pathlib import Path

from mlagent.adapters.oci_registry import login, patience
from mlagent.adapters.oci_registry.client import RegistryClient
from mlagent.adapters.oci_registry.link import Link
from mlagent.adapters.oci_registry.refusals import Place
from mlagent.config.images import Registry
from mlagent.core.oci import Reference


def opened(
    where: Reference,
    settings: Registry,
    project: Path,
    *,
    keys: str = "registry.",
    named: str = "registry.repository",
    anonymous: bool = False,
    environ: Mapping[str, str] = os.environ,
    notice: patience.Notice = lambda _: None,
    pause: patience.Pause = patience.sleep,
) -> RegistryClient:
    """The registry of a reference, nothing reached yet; the repository of `settings` does not count.

    Errors call the settings by what their `keys` begin with, and the reference by the key in which it was `named`.
    """
    asks = login.NOBODY if anonymous else login.of(settings, keys, where.host, environ)
    place = Place(where.host, keys=keys, named=named, who=asks.origin, secrets=asks.secrets)
    return RegistryClient(
        Link(
            place,
            asks,
            ca=project / Path(settings.ca).expanduser() if settings.ca else None,
            plain=settings.plain_http,
            unsure=where.loopback and not settings.ca and not settings.plain_http,
            notice=notice,
            pause=pause,
        )
    )

"""The image's bill of materials, as CycloneDX 1.5: its packages, the base's, the model and the server, by content."""

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from mlagent import __version__
from mlagent.core import digest as content
from mlagent.core.digest import Digest
from mlagent.image.assemble import Named
from mlagent.image.base import Base
from mlagent.image.inside import Package
from mlagent.image.lock import Lock

SPACE = uuid.UUID("6f0d2c3e-6c1f-5f0e-9a53-3d6f0b1a8c55")  # ours, for names by content


def bill(image: Digest, named: Named, lock: Lock, base: Base) -> bytes:
    """The document: the same for the same image, since no clock and no chance enters it."""
    name = f"pkg:oci/{named.name}@{quote(image, safe='')}"
    components = sorted(_components(named, lock, base), key=lambda one: str(one["bom-ref"]))
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": name,
                "name": named.name,
                "version": image,
                "purl": name,
                "hashes": _hashes(image),
            },
            "tools": {"components": [{"type": "application", "name": "mlagent", "version": __version__}]},
            "properties": [{"name": "io.mlagent.lock.digest", "value": named.lock}],
        },
        "components": components,
        "dependencies": [{"ref": name, "dependsOn": [one["bom-ref"] for one in components]}],
    }
    document["serialNumber"] = uuid.uuid5(SPACE, content.of_json(document)).urn
    return content.canonical_json(document)


def _components(named: Named, lock: Lock, base: Base) -> Iterator[dict[str, Any]]:
    yield {
        "type": "machine-learning-model",
        "bom-ref": f"model:{named.model}",
        "name": named.name,
        "version": content.short(named.model),
        "hashes": _hashes(named.model),
    }
    yield {
        "type": "application",
        "bom-ref": f"server:{named.server}",
        "name": "mlagent.serving",
        "version": __version__,
        "hashes": _hashes(named.server),
    }
    system, version = base.inside.system
    yield {
        "type": "operating-system",
        "bom-ref": f"base:{base.digest}",
        "name": system or "unknown",
        "version": version or "unknown",
        "hashes": _hashes(base.digest),
    }
    for one in lock.requirements:
        yield {
            **_package(f"pkg:pypi/{one.name}@{quote(one.version, safe='')}", one.name, one.version),
            "hashes": [part for digest in one.hashes for part in _hashes(digest)],
        }
    for package in base.inside.packages:
        yield _package(_purl(package, system, version), package.name, package.version)


def _package(purl: str, name: str, version: str) -> dict[str, Any]:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _purl(package: Package, system: str, version: str) -> str:
    distribution = system or "unknown"
    more = {
        "arch": package.architecture,
        "distro": f"{distribution}-{version}" if version else distribution,
        "upstream": package.source,
    }
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in more.items() if value)
    path = "/".join(quote(one, safe="") for one in (distribution, package.name))
    return f"pkg:{package.kind}/{path}@{quote(package.version, safe='')}?{asked}"


def _hashes(digest: Digest) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest.rpartition(":")[2]}]

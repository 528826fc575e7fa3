"""Small images that look like the shipped server from outside, and go wrong in one way each, in a registry by digest.

They are layers on the base of `tests/parts/base`; what they count, they count by the server's own code.
"""

import subprocess
from pathlib import Path

from mlagent.serving import counters, metrics
from tests import stub_image
from tests.parts.registry import Registry

KINDS = ("serves", "crashing", "never_ready", "out_of_memory", "answers_errors")
HERE = Path(__file__).parent


def push(kind: str, folder: Path, base: Path, registry: Registry, version: str = "1") -> str:
    """Make one of KINDS and push it; how a pod names it: HOST/REPOSITORY@sha256:…."""
    assert kind in KINDS
    files = {"srv/imitation.py": HERE / "imitation.py"}
    files |= {
        f"srv/mlagent/serving/{Path(str(one.__file__)).name}": Path(str(one.__file__)) for one in (counters, metrics)
    }
    runs = {
        "User": "65532:65532",
        "Entrypoint": ["/usr/bin/python3", "-B", "/srv/imitation.py", kind, version],
        "Env": ["PATH=/usr/bin"],
        "ExposedPorts": {"8000/tcp": {}, "8001/tcp": {}},
    }
    name = f"{kind}-{version}"
    made = stub_image.layered(
        folder / f"{name}.pieces", base, {name: path.read_bytes() for name, path in files.items()}, runs
    )
    layout = stub_image.as_layout(made, folder / name)
    return copy(layout, registry, f"imitations/{kind.replace('_', '-')}", made.manifest)


def copy(layout: Path, registry: Registry, repository: str, digest: str) -> str:
    """Push an image layout as it is; how a pod names it."""
    options = registry.skopeo(cert="--dest-cert-dir", creds="--dest-creds")
    target = f"docker://{registry.host}/{repository}:{digest[-12:]}"
    command = ["skopeo", "copy", "--quiet", "--preserve-digests", *options, f"oci:{layout}", target]
    subprocess.run(command, check=True)
    return f"{registry.host}/{repository}@{digest}"

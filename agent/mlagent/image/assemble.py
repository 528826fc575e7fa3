"""Configuration and manifest of the image: the base's with our layers on top, by content alone: no clock, no build."""

from typing import Any

import msgspec

from mlagent.core import digest as content
from mlagent.core import oci
from mlagent.core.digest import Digest
from mlagent.core.oci import Configuration, Descriptor
from mlagent.image import server, wheels
from mlagent.image.base import Base
from mlagent.image.layers import Layer

CREATED = "1970-01-01T00:00:00Z"
USER = "65532:65532"
PORT, METRICS_PORT = 8000, 8001
DRAIN_SECONDS = 5
SECOND = 1_000_000_000  # Docker counts nanoseconds
DROPPED = ("OnBuild", "Cmd", "Entrypoint", "ArgsEscaped", "Shell")
ENVIRONMENT = {
    "PYTHONPATH": f"/{server.SERVER}:/{wheels.LIBRARY}",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONSAFEPATH": "1",
    "PYTHONUNBUFFERED": "1",
    "ORT_DISABLE_TELEMETRY": "1",
}


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What labels say: the model's name, digests of what the image is made of, and the base's name where it has one."""

    name: str
    model: Digest
    lock: Digest
    server: Digest
    base: Digest
    base_name: str = ""

    def labels(self) -> dict[str, str]:
        """The same on the manifest and in the configuration, where `docker inspect` shows them."""
        base = {"org.opencontainers.image.base.name": self.base_name} if self.base_name else {}
        return {
            "org.opencontainers.image.title": self.name,
            "org.opencontainers.image.version": content.short(self.model),
            "org.opencontainers.image.base.digest": self.base,
            **base,
            "io.mlagent.model.digest": self.model,
            "io.mlagent.lock.digest": self.lock,
            "io.mlagent.server.digest": self.server,
        }


def configuration(base: Base, python: str, named: Named, ours: dict[str, Layer]) -> bytes:
    """The image's configuration; `ours` are our layers by what they hold, the lowest first."""
    before = base.configuration
    old: dict[str, Any] = before.get("config") or {}
    layers = [*base.layers, *ours.values()]
    found: Configuration = {
        **{name: before[name] for name in ("architecture", "os", "variant", "os.version") if name in before},
        "created": CREATED,
        "config": {
            **{name: value for name, value in old.items() if name not in DROPPED and value is not None},
            **settings(python, named.name),
            "Env": _environment(old.get("Env") or []),
            "ExposedPorts": (old.get("ExposedPorts") or {}) | {f"{port}/tcp": {} for port in (PORT, METRICS_PORT)},
            "Labels": (old.get("Labels") or {}) | named.labels(),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": _history(base) + [{"created": CREATED, "created_by": f"mlagent: {name}"} for name in ours],
    }
    return content.canonical_json(found)


def settings(python: str, name: str) -> dict[str, Any]:
    """How a container of it runs, in the words of a configuration; both builders take it from here."""
    probe = [python, "-m", "mlagent.serving.probe", "--port", str(METRICS_PORT)]
    return {
        "User": USER,
        "WorkingDir": "/",
        "StopSignal": "SIGTERM",
        "Entrypoint": [python, "-m", "mlagent.serving"],
        "Cmd": [
            *("--model", f"/{server.MODEL}/{server.MODEL_FILE}"),
            *("--signature", f"/{server.MODEL}/{server.SIGNATURE}"),
            *("--name", name),
            *("--host", "0.0.0.0"),  # noqa: S104 - of the container
            *("--port", str(PORT)),
            *("--metrics-host", "0.0.0.0"),  # noqa: S104
            *("--metrics-port", str(METRICS_PORT)),
            *("--drain-seconds", str(DRAIN_SECONDS)),
        ],
        "Healthcheck": {
            "Test": ["CMD", *probe],
            "Interval": 30 * SECOND,
            "Timeout": 5 * SECOND,
            "StartPeriod": 60 * SECOND,
            "Retries": 3,
        },
    }


def manifest(configured: Descriptor, base: Base, named: Named, ours: dict[str, Layer]) -> bytes:
    """The image itself: its digest is the image's name."""
    layers = [one.descriptor for one in (*base.layers, *ours.values())]
    found = oci.Manifest(
        schema_version=2, media_type=oci.MANIFEST, config=configured, layers=layers, annotations=named.labels()
    )
    return content.canonical_json(found)


def _environment(before: list[str]) -> list[str]:
    """The base's, with ours in the place of its own."""
    kept = [one for one in before if one.partition("=")[0] not in ENVIRONMENT]
    return kept + [f"{name}={value}" for name, value in ENVIRONMENT.items()]


def _history(base: Base) -> list[dict[str, Any]]:
    """The base's, where it fits its layers, else a line for each."""
    listed: list[dict[str, Any]] = base.configuration.get("history") or []
    if sum(not one.get("empty_layer") for one in listed) == len(base.layers):
        return listed
    return [{"created": CREATED, "created_by": "the base"} for _ in base.layers]

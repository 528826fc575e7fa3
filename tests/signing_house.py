"""A release to be signed: a small image, the run that made it, and the stage `sign` as the engine calls it."""

import json
import os
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any, cast

import msgspec

from mlagent.config.images import Registry
from mlagent.config.redact import Redactor
from mlagent.core import oci
from mlagent.core.context import Context, Done, Origin, Outputs
from mlagent.core.digest import canonical_json, of_bytes
from mlagent.core.ports.images import ImageRegistry
from mlagent.core.ports.signer import Signer
from mlagent.engine.log import open_log
from mlagent.stages import sign
from tests.contract.image_registries import piece
from tests.good_release import ORIGIN, a_digest, done, judged

PATH = "acme/risk"
RUN = "a1b2c3d4e5f6"
LOCK, ONNX, SIGNATURE = a_digest("lock"), a_digest("onnx"), a_digest("signature")
ANNOTATIONS = {
    "org.opencontainers.image.title": "risk",
    "org.opencontainers.image.base.digest": a_digest("base"),
    "org.opencontainers.image.base.name": "docker.io/library/python",
    "io.mlagent.model.digest": ONNX,
    "io.mlagent.lock.digest": LOCK,
    "io.mlagent.server.digest": a_digest("server"),
}


class House:
    """`origin`, `labels` and `chain` may be changed before the stage runs."""

    def __init__(self, folder: Path, host: str, model: bytes = b"the model's layer") -> None:
        """Make the image; it is pushed by `push`."""
        folder.mkdir(exist_ok=True)
        self.folder, self.host, self.work = folder, host, folder / "work"
        self.pieces = [piece(folder, b'{"architecture":"amd64","os":"linux"}'), piece(folder, model)]
        self.manifest = self._manifest()
        self.digest = of_bytes(self.manifest)
        self.lock, self.origin, self.labels, self.version = LOCK, ORIGIN, {"build": "7", "commit": ORIGIN.commit}, 3
        self.log = StringIO()
        self.chain = self._chain()

    @property
    def image(self) -> oci.Reference:
        return oci.parse(f"{self.host}/{PATH}@{self.digest}")

    @property
    def bill(self) -> dict[str, Any]:
        """The SBOM."""
        component = {"hashes": [{"alg": "SHA-256", "content": self.digest[7:]}], "name": "risk"}
        properties = [{"name": "io.mlagent.lock.digest", "value": self.lock}]
        metadata = {"component": component, "properties": properties}
        return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": metadata}

    def push(self, registry: ImageRegistry) -> None:
        for one in self.pieces:
            registry.push(PATH, one.digest, one.give)
        registry.put_manifest(PATH, self.manifest, oci.MANIFEST)

    def inputs(self) -> dict[str, Path]:
        """What the stages before wrote."""
        files = {
            "image": self.manifest,
            "sbom": canonical_json(self.bill),
            "version": canonical_json({"model": "risk", "number": self.version, "digest": ONNX, "tags": {}}),
            "pushed": b"{}",
        }
        self.work.mkdir(exist_ok=True)
        for name, data in files.items():
            (self.folder / f"in-{name}").write_bytes(data)
        return {name: self.folder / f"in-{name}" for name in files}

    def context(self, registry: Registry | None = None) -> Context:
        """As the engine gives it."""
        missing = cast("Any", None)
        settings = registry or Registry()
        return Context(
            project=self.folder,
            work=self.work,
            kept=self.work,
            run_id=RUN,
            data=(),
            sections={"registry": msgspec.structs.replace(settings, repository=f"{self.host}/{PATH}")},
            digests={"image": self.digest},
            facts={},
            references={},
            worker=missing,
            tools=missing,
            tracker=missing,
            registry=missing,
            blobs=missing,
            ledger=missing,
            remember=missing,
            recall=missing,
            approvals=missing,
            asked=frozenset(),
            labels=self.labels,
            done=self.chain,
            origin=lambda: self.origin,
            log=open_log("lines", Redactor(), self.log),
        )

    def run(self, config: sign.Config, registry: Registry | None = None, **without: None) -> Outputs:
        """Run the stage by its configuration; `without` names inputs that are absent."""
        inputs = {name: path for name, path in self.inputs().items() if name not in without}
        return sign.run(config, inputs, self.context(registry))

    def to(self, images: ImageRegistry, signer: Signer, tag: str | None = "v{version}") -> sign.Signed:
        """The stage's work with a registry and a signer that are given."""
        return sign.to(images, signer, self.image, tag, self.inputs(), self.context())

    def _chain(self) -> tuple[Done, ...]:
        data, evaluation = a_digest("data"), a_digest("evaluation")
        made = {"image": self.digest, "sbom": of_bytes(canonical_json(self.bill)), "serving-lock": self.lock}
        tried = judged("load-test", {"image": self.digest, "onnx": ONNX}, value=0.625)
        return (
            done("validate-data", None, judged("data", {"data": data})),
            done("split", {"shape": a_digest("shape")}, judged("split", {"data": data})),
            done("export", {"onnx": ONNX, "signature": SIGNATURE}, judged("parity", {"shape": a_digest("shape")})),
            done("evaluate", {"evaluation": evaluation}),
            done("gate", None, judged("gate", {"evaluation": evaluation}, value=1.0)),
            done("package", made),
            done("load-test", None, tried),
            done("push", {"pushed": of_bytes(os.urandom(8))}),
        )

    def _manifest(self) -> bytes:
        config, *layers = self.pieces
        document = {
            "schemaVersion": 2,
            "mediaType": oci.MANIFEST,
            "config": {"mediaType": oci.CONFIG, "digest": config.digest, "size": config.size},
            "layers": [{"mediaType": oci.LAYER, "digest": one.digest, "size": one.size} for one in layers],
            "annotations": ANNOTATIONS,
        }
        return json.dumps(document).encode()


def from_elsewhere(origin: Origin, **other: Any) -> Origin:
    """The same but for some fields."""
    return msgspec.structs.replace(origin, **other)


def statements(envelopes: Iterable[bytes]) -> list[Any]:
    """What envelopes hold."""
    from mlagent.trust import statement

    return [statement.parse(statement.opened(one)) for one in envelopes]

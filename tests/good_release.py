"""A good release as tests change it: what is read about one, and one that lies in a registry of dictionaries."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from mlagent.adapters.memory_images import MemoryImages
from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.core import digest
from mlagent.core.context import Done, Origin
from mlagent.core.oci import Descriptor, Manifest, parse
from mlagent.core.verdict import Verdict, check, verdict
from mlagent.trust import keys, origins, provenance, statement, verdicts
from mlagent.trust.evidence import Attested, Evidence, Signed
from mlagent.trust.policy import Policy, Rules, Written, policy
from mlagent.trust.statement import Statement
from mlagent.trust.verify import Decision, judge

PEM = (
    "-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(b"a public key in DER").decode() + "\n-----END PUBLIC KEY-----\n"
)
KEY = keys.key(PEM)
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
ENDED = "2026-06-30T12:00:00.000+00:00"
REPOSITORY, BUILDER = "registry.example/risk/model", "https://jenkins.example/"


def a_digest(text: str) -> str:
    return digest.of_bytes(text.encode())


OTHER, LOCK = a_digest("another image"), a_digest("lock")
MANIFEST = Manifest(
    schema_version=2,
    config=Descriptor(media_type="c", digest=a_digest("config"), size=6),
    layers=[],
    annotations={
        "org.opencontainers.image.title": "risk",
        "org.opencontainers.image.base.digest": a_digest("base"),
        "org.opencontainers.image.base.name": "docker.io/library/python",
        "io.mlagent.model.digest": a_digest("onnx"),
        "io.mlagent.lock.digest": LOCK,
        "io.mlagent.server.digest": a_digest("server"),
    },
)
IMAGE = digest.of_bytes(digest.canonical_json(MANIFEST))
SBOM: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "metadata": {
        "component": {"hashes": [{"alg": "SHA-256", "content": IMAGE[7:]}]},
        "properties": [{"name": "io.mlagent.lock.digest", "value": LOCK}],
    },
    "components": [{"name": "numpy", "version": "2.0"}],
}
ORIGIN = Origin(
    builder=BUILDER,
    url="https://jenkins.example/job/risk/7/",
    job="risk",
    commit="0123456789abcdef0123456789abcdef01234567",
    dirty=False,
    author="jane@insurer.example",
    repository="https://git.example/risk.git",
    build=7,
    begun="2026-06-30T11:00:00.000+00:00",
    sources=a_digest("sources"),
    data=a_digest("data"),
    config=a_digest("config of the run"),
)


def judged(subject: str, inputs: dict[str, str], value: float = 1.0, until: str | None = None) -> Verdict:
    checks = [check("figure", value, ">=", 0.5, samples=100)]
    return verdict(subject, checks, inputs=inputs, tools={"mlagent": "1"}, valid_until=until)


def done(stage: str, outputs: dict[str, str] | None = None, *verdicts: Verdict, ended: str = ENDED) -> Done:
    made = outputs or {}
    return Done(stage=stage, key=a_digest(stage), outputs=made, verdicts=verdicts, ended=ended, made_by="a1b2c3d4e5f6")


CHAIN = (
    done("validate-data", None, judged("data", {"data": a_digest("data")})),
    done("split", {"shape": a_digest("shape")}, judged("split", {"data": a_digest("data")})),
    done("export", {"onnx": a_digest("onnx")}, judged("parity", {"shape": a_digest("shape")})),
    done("evaluate", {"evaluation": a_digest("evaluation")}),
    done("gate", None, judged("gate", {"evaluation": a_digest("evaluation")})),
    done("package", {"image": IMAGE, "sbom": digest.of_json(SBOM), "serving-lock": LOCK}),
    done(
        "load-test",
        None,
        judged("load-test", {"image": IMAGE, "onnx": a_digest("onnx")}, until="2026-07-01T13:00:00+00:00"),
    ),
)


def chain(stage: str, change: Callable[[Done], Done | None]) -> tuple[Done, ...]:
    """The chain with one stage changed, or left out."""
    changed = [change(one) if one.stage == stage else one for one in CHAIN]
    return tuple(one for one in changed if one)


def stated(kind: str, predicate: object, about: str = IMAGE) -> Statement:
    return statement.parse(statement.write(kind, predicate, {REPOSITORY: about}))


def evidence(
    stages: tuple[Done, ...] = CHAIN,
    origin: Origin = ORIGIN,
    sbom: dict[str, Any] | None = None,
    told: tuple[Done, ...] | None = None,
) -> Evidence:
    """What is read about a release; `told` are the stages that its verdicts are of, where they are others."""
    built = provenance.of(origin, stages, "a1b2c3d4e5f6", MANIFEST)
    said = {
        provenance.TYPE: built,
        verdicts.TYPE: verdicts.of(stages if told is None else told),
        origins.SBOM: sbom or SBOM,
    }
    return Evidence(
        repository=REPOSITORY,
        digest=IMAGE,
        manifest=MANIFEST,
        signed=Signed(verified={"release": (IMAGE,)}),
        attested={kind: Attested(verified=(stated(kind, one),)) for kind, one in said.items()},
    )


def attesting(found: Evidence, kind: str, attested: Attested | None) -> Evidence:
    """The same with other attestations of one type, or without any."""
    whole = {**found.attested, **({kind: attested} if attested else {})}
    if attested is None:
        whole.pop(kind)
    return msgspec.structs.replace(found, attested=whole)


class Shop:
    """The release in a registry, signed and attested by a fake of cosign; `reference` is its name there."""

    def __init__(self, folder: Path, when: str = ENDED, name: str = "release") -> None:
        self.folder, self.images, self.board = folder, MemoryImages(), Board()
        self.signer, self.stranger = MemorySigner(self.board, name), MemorySigner(self.board, "stranger")
        self.reference = msgspec.structs.replace(parse(REPOSITORY), digest=IMAGE)
        self.key = folder / "release.pub"
        self.key.write_text(self.signer.by()[0])
        (folder / "piece").write_bytes(b"config")
        self.images.push(self.reference.path, a_digest("config"), lambda: folder / "piece")
        self.images.put_manifest(self.reference.path, digest.canonical_json(MANIFEST), "m", "v7")
        self.stages = tuple(msgspec.structs.replace(one, ended=when) for one in CHAIN)

    def sign(self, by: MemorySigner | None = None) -> None:
        """As the stage does: signature, provenance, SBOM, verdicts."""
        (by or self.signer).sign(self.reference)
        for kind, said in self.said().items():
            self.attest(kind, said, by)

    def said(self) -> dict[str, object]:
        built = provenance.of(ORIGIN, self.stages, "a1b2c3d4e5f6", MANIFEST)
        return {provenance.TYPE: built, origins.SBOM: SBOM, verdicts.TYPE: verdicts.of(self.stages)}

    def attest(self, kind: str, said: object, by: MemorySigner | None = None) -> None:
        file = self.folder / "predicate.json"
        file.write_bytes(digest.canonical_json(said))
        (by or self.signer).attest(self.reference, kind, file)

    def withdraw(self, kind: str) -> None:
        """Take away every statement of a type."""
        there = self.signer.attestations(self.reference, kind, self.signer.by())
        self.signer.withdraw(self.reference, there)


RULES = Rules(keys={"release": KEY}, repositories=("registry.example/**",), builders=(BUILDER,))


def asked(environment: str = "", **more: Any) -> Policy:
    return policy(Written(rules=msgspec.structs.replace(RULES, **more)), environment)


def decide(found: Evidence, by: Policy | None = None, now: datetime = NOW, pinned: str = "") -> Decision:
    return judge(found, by or asked(), now, pinned=pinned)


def bad(decision: Decision) -> dict[str, str]:
    """The rows that are no pass: what, and what was found."""
    assert decision.passed == all(one.outcome == "pass" for one in decision.findings)
    return {one.what: one.found for one in decision.findings if one.outcome != "pass"}

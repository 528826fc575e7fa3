"""Where an image comes from, and what is in it: provenance and bill of materials against the policy and each other."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.trust import plain, provenance
from mlagent.trust.evidence import Evidence, Finding
from mlagent.trust.policy import Policy, matches
from mlagent.trust.provenance import BASE, LOCK, MODEL, SERVER, Provenance

SBOM = "https://cyclonedx.org/bom"
PARTS = {"serving-lock": LOCK, "model": MODEL, "server": SERVER, "base": BASE}
MADE = {"serving-lock": LOCK, "onnx": MODEL}


class _Named(msgspec.Struct, frozen=True):
    name: str = ""
    value: str = ""


class _Hash(msgspec.Struct, frozen=True):
    alg: str
    content: str


class _Component(msgspec.Struct, frozen=True):
    hashes: tuple[_Hash, ...] = ()


class _Metadata(msgspec.Struct, frozen=True):
    component: _Component
    properties: tuple[_Named, ...] = ()


class Bill(msgspec.Struct, frozen=True):
    """What is read of a bill of materials; `digest` is that of its canonical JSON."""

    metadata: _Metadata
    digest: Digest

    @property
    def images(self) -> set[Digest]:
        """The images it describes."""
        return {f"sha256:{one.content}" for one in self.metadata.component.hashes if one.alg == "SHA-256"}

    @property
    def lock(self) -> Digest:
        """The lock it lists, empty where it does not say."""
        return next((one.value for one in self.metadata.properties if one.name == LOCK), "")


def bill(predicate: Mapping[str, Any]) -> Bill:
    """Read the predicate of a CycloneDX attestation; InputError (4) where it is none."""
    return plain.convert({**predicate, "digest": digest.of_json(predicate)}, Bill, "the SBOM")


def outputs(built: Provenance | None) -> dict[str, Digest]:
    """What the stages of the build made, by artifact."""
    steps = built.internal.stages.values() if built else ()
    return {name: one for step in steps for name, one in step.outputs.items()}


def newest(evidence: Evidence) -> Provenance | None:
    """The provenance that verifies, of the latest build where there are several."""
    found, _ = evidence.said(provenance.TYPE, provenance.parse)
    return max(found, key=lambda one: (one.internal.build, one.run_details.metadata.started_on), default=None)


def judge(evidence: Evidence, policy: Policy, built: Provenance | None) -> Iterator[Finding]:
    """A row for the provenance, each thing that is asked of it, and the bill."""
    asked = "by the build of this image" if policy.require.provenance else "not required"
    if built is None:
        _, faults = evidence.said(provenance.TYPE, provenance.parse)
        found, outcome = evidence.absent(provenance.TYPE, faults)
        lenient = not policy.require.provenance and outcome == "missing"
        yield Finding(what="provenance", asked=asked, found=found, outcome="pass" if lenient else outcome)
    else:
        yield _provenance(evidence, built, asked)
        yield _parts(evidence, built)
    if any(policy.builders):
        yield _builder(policy, built)
    if policy.require.clean_commit:
        yield _commit(built)
    if evidence.reached is not None:
        yield _build(evidence.reached, policy.environment, built)
    yield _bill(evidence, policy, built)


def _provenance(evidence: Evidence, built: Provenance, asked: str) -> Finding:
    internal, kind, image = built.internal, built.build_definition.build_type, outputs(built).get("image", "")
    wrong = [] if kind == provenance.BUILD else [f"build type {kind}"]
    wrong += [] if image == evidence.digest else [f"it is of another image ({digest.short(image) or 'none'})"]
    found = "; ".join(wrong) or f"build {internal.build}, run {internal.run}"
    return Finding(what="provenance", asked=asked, found=found, outcome="refused" if wrong else "pass")


def _parts(evidence: Evidence, built: Provenance) -> Finding:
    """The image's own annotations are under its digest, and so is each thing that went in."""
    said, made = evidence.manifest.annotations if evidence.manifest else {}, outputs(built)
    pairs = [(name, said.get(label, ""), built.build_definition.dependency(name)) for name, label in PARTS.items()]
    pairs += [(name, said.get(label, ""), made.get(name, "")) for name, label in MADE.items()]
    wrong = [
        f"{name} {digest.short(stated) or 'unnamed'}, the image has {digest.short(one) or 'none'}"
        for name, one, stated in pairs
        if one != stated
    ]
    return Finding(
        what="parts",
        asked="model, server, lock and base that the image names",
        found="; ".join(dict.fromkeys(wrong)) or "the same",
        outcome="refused" if wrong else "pass",
    )


def _builder(policy: Policy, built: Provenance | None) -> Finding:
    asked = " and ".join(" or ".join(group) for group in policy.builders)
    if built is None:
        return Finding(what="builder", asked=asked, found="unknown", outcome="missing")
    good = matches(built.builder, policy.builders)
    return Finding(what="builder", asked=asked, found=built.builder, outcome="pass" if good else "refused")


def _commit(built: Provenance | None) -> Finding:
    what, asked = "commit", "named, nothing changed since"
    if built is None:
        return Finding(what=what, asked=asked, found="unknown", outcome="missing")
    commit = built.build_definition.external_parameters.commit
    if not commit:
        return Finding(what=what, asked=asked, found="none: not built from a checkout", outcome="refused")
    if built.internal.dirty:
        return Finding(what=what, asked=asked, found=f"{commit[:12]}, with changes not committed", outcome="refused")
    return Finding(what=what, asked=asked, found=commit[:12], outcome="pass")


def _build(reached: int, environment: str, built: Provenance | None) -> Finding:
    what, asked = "build", f"at least {reached}, which {environment or 'the environment'} has reached"
    if built is None:
        return Finding(what=what, asked=asked, found="unknown", outcome="missing")
    number = built.internal.build
    if number < reached:
        return Finding(what=what, asked=asked, found=f"{number}: superseded", outcome="refused")
    return Finding(what=what, asked=asked, found=str(number), outcome="pass")


def _bill(evidence: Evidence, policy: Policy, built: Provenance | None) -> Finding:
    asked = "of this image, as it was built" if policy.require.sbom else "not required"
    bills, faults = evidence.said(SBOM, bill)
    if not bills:
        found, outcome = evidence.absent(SBOM, faults)
        lenient = not policy.require.sbom and outcome == "missing"
        return Finding(what="SBOM", asked=asked, found=found, outcome="pass" if lenient else outcome)
    problems = [_wrong(one, evidence, built) for one in bills]
    best = min(problems, key=len)
    found = "; ".join(best) or digest.short(
        next(one for one, bad in zip(bills, problems, strict=True) if not bad).digest
    )
    return Finding(what="SBOM", asked=asked, found=found, outcome="refused" if best else "pass")


def _wrong(one: Bill, evidence: Evidence, built: Provenance | None) -> list[str]:
    lock = evidence.manifest.annotations.get(LOCK, "") if evidence.manifest else ""
    wrong = [] if evidence.digest in one.images else ["it describes another image"]
    if one.lock and one.lock != lock:
        wrong.append(f"of another lock ({digest.short(one.lock)}, the image has {digest.short(lock) or 'none'})")
    made = outputs(built).get("sbom", "")
    if built and made != one.digest:
        wrong.append(f"not the one that was built ({digest.short(made) or 'none'}): {digest.short(one.digest)}")
    return wrong

"""The one judgement on a release: everything that is asked, everything that was found; nothing is left out."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.errors import PolicyRefused
from mlagent.trust import judged, origins
from mlagent.trust.approval import held
from mlagent.trust.approval.held import Wanted
from mlagent.trust.evidence import Evidence, Finding
from mlagent.trust.policy import Policy, matches
from mlagent.trust.provenance import NAME


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an image may run where, under which policy (its digest), and why; `decided` is RFC 3339 in UTC."""

    image: str
    environment: str
    policy: Digest
    decided: str
    passed: bool
    findings: tuple[Finding, ...]

    def raise_unless_passed(self) -> None:
        """Raise PolicyRefused (12), naming every row that is no pass."""
        if self.passed:
            return
        bad = [one for one in self.findings if one.outcome != "pass"]
        said = "; ".join(f"{one.what}: {one.found}" for one in bad)
        raise PolicyRefused(
            f"{self.image} does not show what the policy asks for: {said}",
            hint=f"`mlagent verify {self.image}` shows all of it; `mlagent policy explain` what is asked, and why",
        )


def judge(
    evidence: Evidence, policy: Policy, now: datetime, *, pinned: Digest = "", wanted: Wanted | None = None
) -> Decision:
    """Hold what was read against the policy; `pinned` is the digest of the policy of a decision before this one.

    `wanted` is what a deploy rests on, which an approval must be of; None where it is only looked at.

    `now` has its time zone. It raises nothing: what is missing or cannot be read is a row.
    """
    built = origins.newest(evidence)
    rows = [
        *_policy(policy, pinned),
        *_image(evidence, policy),
        _signature(evidence, policy),
        *origins.judge(evidence, policy, built),
        *judged.judge(evidence, policy, origins.outputs(built), now),
        *held.judge(evidence, policy, now, wanted),
    ]
    return Decision(
        image=f"{evidence.repository}@{evidence.digest}",
        environment=policy.environment,
        policy=policy.digest,
        decided=now.isoformat(timespec="seconds"),
        passed=all(one.outcome == "pass" for one in rows),
        findings=tuple(
            msgspec.structs.replace(one, what=_printable(one.what), found=_printable(one.found)) for one in rows
        ),
    )


def _printable(text: str) -> str:
    """What others wrote may hold what a terminal obeys."""
    return "".join(one if one.isprintable() else "?" for one in text)


def _policy(policy: Policy, pinned: Digest) -> Iterator[Finding]:
    if pinned:
        yield Finding(
            what="policy",
            asked=digest.short(pinned),
            found=digest.short(policy.digest) + ("" if pinned == policy.digest else ": it was changed"),
            outcome="pass" if pinned == policy.digest else "refused",
        )


def _image(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Where it lies, whether it is there, what its tag names."""
    if any(policy.repositories):
        asked = " and ".join(" or ".join(group) for group in policy.repositories)
        good = matches(evidence.repository, policy.repositories)
        yield Finding(what="repository", asked=asked, found=evidence.repository, outcome="pass" if good else "refused")
    there, short = evidence.manifest is not None, digest.short(evidence.digest)
    yield Finding(
        what="image", asked=short, found=short if there else "no such image", outcome="pass" if there else "missing"
    )
    if evidence.tag:
        moved = evidence.tagged != evidence.digest
        names = digest.short(evidence.tagged) if evidence.tagged else "nothing"
        yield Finding(
            what=f"tag {evidence.tag}",
            asked=short,
            found=f"it was moved, to {names}" if moved else names,
            outcome="refused" if moved else "pass",
        )
    if evidence.model is not None:
        name = evidence.manifest.annotations.get(NAME, "") if evidence.manifest else ""
        yield Finding(
            what="model",
            asked=evidence.model,
            found=name or "none",
            outcome="pass" if name == evidence.model else "refused",
        )


def _signature(evidence: Evidence, policy: Policy) -> Finding:
    """At least one signature on this digest verifies."""
    names = [*policy.keys, *policy.identities]
    asked = f"by {' or '.join(names)}" if names else "by a key"
    if not names:
        found = "the policy names no key and no identity, and none was given (--key FILE)"
        return Finding(what="signature", asked=asked, found=found, outcome="missing")
    verified = evidence.signed.verified
    good = [name for name, digests in verified.items() if evidence.digest in digests]
    if good:
        return Finding(what="signature", asked=asked, found=f"by {', '.join(good)}", outcome="pass")
    if others := sorted({digest.short(one) for digests in verified.values() for one in digests}):
        found = f"of another digest ({', '.join(others)})"
        return Finding(what="signature", asked=asked, found=found, outcome="refused")
    if evidence.signed.others:
        found = f"{evidence.signed.others} by another key"
        return Finding(what="signature", asked=asked, found=found, outcome="refused")
    return Finding(what="signature", asked=asked, found="none", outcome="missing")

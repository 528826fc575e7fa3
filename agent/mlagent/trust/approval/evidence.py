"""What an approval rests on, as one digest: when any of it is another, the approval is of something else."""

from collections.abc import Iterable

from mlagent.core import digest
from mlagent.core.context import Done
from mlagent.core.digest import Digest
from mlagent.core.release import Release

RECORD = "release"  # the stage that writes the release record


def of(release: Release, environment: str, policy: Digest, done: Iterable[Done]) -> Digest:
    """Of the release, its record, every verdict so far, the policy, and where it is to go.

    `done` are the stages before the deploy; what comes after it (a soak there) has no part in it.
    """
    known = list(done)
    records = [one.outputs for one in known if one.stage == RECORD]
    return digest.of_json(
        {
            "release": release.digest,
            "record": records[0].get(RECORD, "") if records else "",
            "verdicts": sorted([one.stage, digest.of_json(verdict)] for one in known for verdict in one.verdicts),
            "policy": policy,
            "environment": environment,
        }
    )

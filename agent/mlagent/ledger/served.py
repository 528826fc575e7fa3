"""What of an environment's cluster is not as the ledger says: another release, pods edited by hand."""

from collections.abc import Iterator

from mlagent.core.ports.ledger import Entry
from mlagent.core.release import Release, Served
from mlagent.ledger.finding import Odd
from mlagent.ledger.moves import Moves


def odd(moves: Moves, environment: str, served: Served) -> Iterator[Odd]:
    """Of one environment, as it was seen."""
    entry = moves.newest(environment)
    if not served.exists:
        if entry:
            says = f"nothing is deployed in {environment}, and {_told(entry)}"
            yield Odd("not-deployed", environment, str(entry.number), says, "`mlagent deploy` brings it", blocks=False)
        return
    for edit in served.edits:
        cure = "have whoever did that take it back, or give `mlagent deploy --overwrite`, which does"
        yield Odd("edited", environment, edit, f"the Deployment in {environment} was edited by hand: {edit}", cure)
    if served.release is None:
        if entry:
            says = f"{environment} runs {served.strange}, and {_told(entry)}"
            yield Odd("other-release", environment, f"{served.strange} not {entry.number}", says, _back(environment))
    elif entry is None or served.release.digest != entry.fact.release:
        yield _other(moves, environment, served, served.release, entry)


def _other(moves: Moves, environment: str, served: Served, release: Release, entry: Entry | None) -> Odd:
    told = _told(entry) if entry else "the ledger tells of no promotion there"
    says, number = f"{environment} serves {release}, and {told}", entry.number if entry else 0
    if unrecorded(moves, environment, served):
        cure = "the next deploy, or the same command again, writes it down"
        return Odd("unrecorded", environment, f"{release.digest} after {number}", says, cure, blocks=False)
    cure = _back(environment) if entry else "ask who deployed it, and which ledger was told of it"
    return Odd("other-release", environment, f"{release.digest} after {number}", says, cure)


def unrecorded(moves: Moves, environment: str, served: Served) -> bool:
    """Whether what serves came by mlagent, which was cut off before it wrote that down.

    The rollout's own notes must say how it came, nobody may have touched the pods since, and the ledger must know it:
    a deploy is of a later build than any before, a rollback leads to what was promoted there from what is there now.
    """
    came, release, entry = served.came, served.release, moves.newest(environment)
    if came is None or release is None or served.edits or (entry and entry.fact.release == release.digest):
        return False
    if entry and came.since < entry.fact.time:
        return False
    if came.kind == "deploy":
        reached = max((one.fact.build for one in moves.of(environment)), default=0)
        return release.build > reached and bool({release.digest, release.onnx} & moves.releases)
    promoted = {one.fact.release for one in moves.of(environment)}
    return release.digest in promoted and entry is not None and came.left is not None


def _told(entry: Entry) -> str:
    fact = entry.fact
    called = f"version {fact.details['version']}" if fact.details.get("version") else fact.release
    return f"entry {entry.number} of the ledger says {called} (build {fact.build})"


def _back(environment: str) -> str:
    return f"have what the ledger says serve again (`mlagent rollback --env {environment} --to …`), and ask who did it"

"""Whether the world is as the ledger says: aliases, tags and versions of the registry, what serves, the ledger itself.

Only a promotion writes these; what differs was done by hand, or by one that was cut off. What was done by hand blocks
the next promotion until a person, by name, has acknowledged just this: something else that is found is another finding.
"""

from collections.abc import Callable, Mapping, Sequence

from mlagent.core.ports.ledger import Ledger
from mlagent.core.ports.models import ModelRegistry
from mlagent.core.release import Served
from mlagent.errors import Held, PolicyRefused
from mlagent.ledger import served as cluster
from mlagent.ledger import versions
from mlagent.ledger.finding import Finding, Odd, finding
from mlagent.ledger.moves import Moves
from mlagent.ledger.verification import Report

__all__ = ["Finding", "acknowledged", "findings", "of_report", "open_of", "refuse", "tell"]

ENVIRONMENTS = ("staging", "production")
TRIES = 5
REWRITTEN = "restore the ledger from a backup"


def findings(
    ledger: Ledger,
    registry: ModelRegistry,
    model: str,
    *,
    served: Mapping[str, Served] | None = None,
    report: Report | None = None,
    holding: bool = False,
) -> tuple[Finding, ...]:
    """All that differs; `served` is what was seen of the environments that were asked, `report` what `verify` gave.

    Without the model's lock (`holding`) it is read until no move was made meanwhile; Held (21) where there always is.
    """
    moves, odd = _registry(ledger, registry, model, once=holding)
    seen = [one for name, there in (served or {}).items() for one in cluster.odd(moves, name, there)]
    return (*(of_report(report) if report else ()), *map(finding, [*odd, *seen]))


def _registry(ledger: Ledger, registry: ModelRegistry, model: str, *, once: bool) -> tuple[Moves, Sequence[Odd]]:
    """What a promotion writes it writes in an order, and the ledger first: read in another one it is never ahead."""
    for _ in range(TRIES):
        moves = Moves(ledger, model)
        odd = list(versions.odd(moves, registry, ENVIRONMENTS))
        if once or not moves.gone_on():
            return moves, odd
    raise Held(f"{model} is promoted all the time: it could not be looked at", hint="give the same command again")


def of_report(report: Report) -> tuple[Finding, ...]:
    """The ledger's own faults, and those of its checkpoints, as findings."""
    told = zip(report.faults, report.keys, strict=True)
    return tuple(finding(Odd("ledger", "", key, fault, REWRITTEN)) for fault, key in told)


def acknowledged(ledger: Ledger, model: str) -> frozenset[str]:
    """The ids of the findings that a person has acknowledged."""
    facts = (one.fact for one in ledger.about(model))
    return frozenset(one.details.get("finding", "") for one in facts if one.what == "acknowledged")


def open_of(ledger: Ledger, model: str, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those that block, and that nobody has acknowledged."""
    blocking = [one for one in found if one.blocks]
    known = acknowledged(ledger, model) if blocking else frozenset()
    return tuple(one for one in blocking if one.id not in known)


def refuse(ledger: Ledger, model: str, found: Sequence[Finding], what: str) -> None:
    """PolicyRefused (12) where a finding is open: names them, what to do, and how they are acknowledged."""
    if not (there := open_of(ledger, model, found)):
        return
    said = "; ".join(f"{one.says} (finding {one.id})" for one in there)
    cures = "; ".join(dict.fromkeys(one.cure for one in there))
    ids = " ".join(one.id for one in there)
    raise PolicyRefused(
        f"{what}, since the ledger says otherwise than what is there: {said}",
        hint=f"{cures}; or, if it is to stay, a person answers for it:"
        f" `mlagent ledger acknowledge {ids} --by NAME --reason …`",
    )


def tell(found: Sequence[Finding], say: Callable[[str], None]) -> None:
    """Name all of it, where nothing is refused for it."""
    for one in found:
        say(f"{one.says} (finding {one.id}); {one.cure}")
